using Deq.MLNet.Benchmarks;
using Deq.MLNet.Gpu;
using Deq.MLNet.Samples.Commands;

const string usage = """
    usage: Deq.MLNet.Gpu COMMAND
      doctor                what this machine has; a product on each device
      test [--filter TEXT [--without FILE]]
                            the tests with the trait Device=Gpu whose names contain TEXT, without those begun in FILE, the output of earlier ones
      bench [ARGUMENT...]   the benchmark of training on a device, with its arguments
    """;

switch (args)
{
    case ["doctor"]:
        return Doctor.Run(withOnnx: false);
    case ["test"]:
        return GpuTests.Run();
    case ["test", "--filter", var text]:
        return GpuTests.Run(text);
    case ["test", "--filter", var text, "--without", var file]:
        return GpuTests.Run(text, File.ReadAllLines(file));
    case ["bench", .. var arguments]:
        return GpuBenchmark.Run(arguments);
    default:
        Console.Error.WriteLine(usage);
        return 2;
}

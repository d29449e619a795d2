using Deq.MLNet.Benchmarks;
using Deq.MLNet.Gpu;
using Deq.MLNet.Samples.Commands;

const string usage = """
    usage: Deq.MLNet.Gpu COMMAND
      doctor                what this machine has; a product on each device
      test [--filter TEXT]  the tests with the trait Device=Gpu whose names contain TEXT
      bench [ARGUMENT...]   the benchmark of training on a device, with its arguments
    """;

switch (args)
{
    case ["doctor"]:
        return Doctor.Run(withOnnx: false);
    case ["test"]:
        return GpuTests.Run(_ => true);
    case ["test", "--filter", var text]:
        return GpuTests.Run(name => name.Contains(text, StringComparison.OrdinalIgnoreCase));
    case ["bench", .. var arguments]:
        return GpuBenchmark.Run(arguments);
    default:
        Console.Error.WriteLine(usage);
        return 2;
}

using System.Globalization;
using Deq.MLNet.Benchmarks;

const string usage = """
    usage: dotnet run -c Release --project Deq.MLNet.Benchmarks -- COMMAND
      train [--quick]               training steps against libtorch's autograd and PyTorch; ML.NET's trainers
      score [--quick]               scoring against ONNX Runtime
      memory [--quick]              memory of a training step and of scoring
      scaling [--quick] [--out DIR] time against rows, states, features and contraction; DIR/scaling.png, default out
      onnx [--quick] [--out DIR]    exported files in ONNX Runtime against float64; DIR keeps the files
      gpu [--quick] [--device cpu|cuda|cuda:N] [--sizes 128,512,2048] [--batches 256,4096,65536] [--out DIR]
                                    training on a CUDA device, or its code on the CPU; DIR/gpu.md
      solvers                       every solver against float64
      choosing [SEED | time]        what the trainers' options are worth
    --quick shows that everything runs, in less than two minutes.
    """;

if (args is ["gpu", .. var options])
{
    return GpuBenchmark.Run(options);
}
var effort = args.Contains("--quick") ? Effort.Quick : Effort.Full;
switch (args.Where(arg => arg != "--quick").ToArray())
{
    case ["train"]:
        return Train.Run(effort);
    case ["score"]:
        return Score.Run(effort);
    case ["memory"]:
        return Memory.Run(effort);
    case [Memory.Child, var way, var size]:
        return Memory.RunChild(way, int.Parse(size, CultureInfo.InvariantCulture));
    case ["scaling"]:
        return Scaling.Run(effort, "out");
    case ["scaling", "--out", var folder]:
        return Scaling.Run(effort, folder);
    case ["onnx"]:
        return OnnxExport.Run(effort, null);
    case ["onnx", "--out", var folder]:
        return OnnxExport.Run(effort, folder);
    case ["solvers"]:
        return Solvers.Run();
    case ["choosing", "time"]:
        return Choosing.RunTimes();
    case ["choosing", .. var seed] when seed.Length == 0 || seed.Length == 1 && int.TryParse(seed[0], out _):
        return Choosing.Run(seed.Length == 0 ? 2 : int.Parse(seed[0], CultureInfo.InvariantCulture));
    default:
        Console.Error.WriteLine(usage);
        return 2;
}

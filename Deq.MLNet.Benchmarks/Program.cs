using System.Globalization;
using Deq.MLNet.Benchmarks;

var effort = args.Contains("--quick") ? Effort.Quick : Effort.Full;
switch (args.Where(arg => arg != "--quick").ToArray())
{
    case ["train"]:
        return Train.Run(effort);
    case ["score"]:
        return Score.Run(effort);
    case ["solvers"]:
        return Solvers.Run();
    case ["choosing", "time"]:
        return Choosing.RunTimes();
    case ["choosing", .. var seed] when seed.Length == 0 || seed.Length == 1 && int.TryParse(seed[0], out _):
        return Choosing.Run(seed.Length == 0 ? 2 : int.Parse(seed[0], CultureInfo.InvariantCulture));
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project Deq.MLNet.Benchmarks -- train | score (each with --quick for a short run) | solvers | choosing [seed of the split, or time]");
        return 2;
}

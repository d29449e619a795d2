using System.Globalization;
using Deq.MLNet.Benchmarks;

switch (args)
{
    case ["score"]:
        return Score.Run();
    case ["solvers"]:
        return Solvers.Run();
    case ["choosing", "time"]:
        return Choosing.RunTimes();
    case ["choosing", .. var seed] when seed.Length == 0 || seed.Length == 1 && int.TryParse(seed[0], out _):
        return Choosing.Run(seed.Length == 0 ? 2 : int.Parse(seed[0], CultureInfo.InvariantCulture));
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project Deq.MLNet.Benchmarks -- score | solvers | choosing [seed of the split, or time]");
        return 2;
}

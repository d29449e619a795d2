using Deq.MLNet.Benchmarks;

switch (args)
{
    case ["score"]:
        return Score.Run();
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project Deq.MLNet.Benchmarks -- score");
        return 2;
}

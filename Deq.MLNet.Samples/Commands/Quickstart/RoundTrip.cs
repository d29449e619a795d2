using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.ML;

namespace Deq.MLNet.Samples.Commands;

/// <summary>Saves the model, has another process load and use it, and compares what both say of the test rows.</summary>
internal static class RoundTrip
{
    /// <returns>The largest difference between two scores of a row: 0 where they agree bit for bit.</returns>
    public static double MaxDifference(MLContext ml, FittedModel fitted, string modelPath)
    {
        ml.Model.SaveAtomic(fitted.Pipeline, fitted.TestRows.Schema, modelPath);

        var scoresPath = Path.ChangeExtension(modelPath, ".scores");
        StartSelf("score-saved", modelPath, scoresPath);
        var theirs = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(scoresPath)).ToArray();
        File.Delete(scoresPath);

        return theirs.Length == fitted.Scores.Length
            ? fitted.Scores.Zip(theirs, (a, b) => a.Equals(b) ? 0 : Math.Abs((double)a - b)).Max()
            : throw new InvalidDataException($"The other process scored {theirs.Length} rows, this one {fitted.Scores.Length}.");
    }

    /// <summary>Runs a command of this program in a process of its own.</summary>
    private static void StartSelf(params string[] arguments)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program);
        // Under `dotnet X.dll` the process is dotnet, which must be told what to run.
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
            start.ArgumentList.Add(typeof(RoundTrip).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);

        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{string.Join(' ', arguments)} ended with exit code {process.ExitCode}.");
    }
}

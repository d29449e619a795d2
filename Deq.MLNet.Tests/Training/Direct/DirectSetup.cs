using Deq.MLNet.Training;
using Deq.MLNet.Training.Direct;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Direct;

/// <summary>Engines, networks and rows that tests of the direct engine vary.</summary>
internal static class DirectSetup
{
    public static IReadOnlyDictionary<string, WellPosedness> Rules { get; } = new Dictionary<string, WellPosedness>
    {
        ["None"] = WellPosedness.None,
        ["Spectral"] = WellPosedness.Spectral(),
        ["InfinityNorm"] = WellPosedness.InfinityNorm(),
        ["Perron"] = WellPosedness.Perron(),
        ["Diagonal"] = WellPosedness.Diagonal(),
        ["StrictlyTriangular"] = WellPosedness.StrictlyTriangular,
    };

    public static Network Start(AnyArchitecture architecture, int features, int outputs, int seed) =>
        architecture.Initialize(features, outputs, Link.Identity, new bool[features], new Random(seed));

    public static DirectEngine Engine(TrainingSettings settings, Network start, TrainingData rows)
    {
        var engine = new DirectEngine(settings, start);
        engine.Attach(rows);
        return engine;
    }

    /// <summary>The weights in float64.</summary>
    public static double[] Weights(this DirectEngine engine) => System.Runtime.InteropServices.MemoryMarshal.Cast<float, double>(engine.ReadWeights()).ToArray();

    public static void SetWeights(this DirectEngine engine, double[] weights) => engine.LoadWeights(System.Runtime.InteropServices.MemoryMarshal.Cast<double, float>(weights).ToArray());

    /// <summary>Steps over all rows; the loss before each.</summary>
    public static double[] Epochs(this DirectEngine engine, int from, int count, int rows)
    {
        engine.Order([.. Enumerable.Range(0, rows)]);
        return [.. Enumerable.Range(from, count).Select(epoch =>
        {
            engine.BeginEpoch(epoch);
            engine.Step(0, rows, 1e-2);
            return engine.ReadMetrics().Training.Loss;
        })];
    }
}

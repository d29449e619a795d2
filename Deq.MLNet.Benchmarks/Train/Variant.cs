using Deq.MLNet.Training;

namespace Deq.MLNet.Benchmarks;

/// <summary>One of this library's ways to train.</summary>
internal sealed record Variant(string Name, CreateEngine Create, FixedPointSolver Solver, bool WarmStart = false)
{
    /// <summary>The first is what a trainer does that is not told otherwise.</summary>
    public static Variant[] All(bool hard) =>
    [
        new("SimdEngine, Auto", EngineSteps.Simd, new Auto()),
        new("SimdEngine, Picard", EngineSteps.Simd, new Picard()),
        .. hard ? new[] { new Variant("SimdEngine, Anderson", EngineSteps.Simd, new Anderson()), new Variant("SimdEngine, Anderson, warm start", EngineSteps.Simd, new Anderson(), WarmStart: true) } : [],
        new("SimdEngine, Auto, warm start", EngineSteps.Simd, new Auto(), WarmStart: true),
        new("TorchEngine, Picard", EngineSteps.Torch, new Picard()),
        new("TorchEngine, Auto, warm start", EngineSteps.Torch, new Auto(), WarmStart: true),
    ];

    public TrainingSettings SettingsOf(Problem problem) => problem.Settings(Solver, WarmStart);
}

using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>An option that an engine does not do.</summary>
/// <param name="Option">Its name.</param>
/// <param name="Value">What it is set to.</param>
/// <param name="Change">The change after which it does, in words.</param>
internal sealed record Obstacle(string Option, string Value, string Change)
{
    public override string ToString() => $"{Option} is {Value}";
}

/// <summary>What <see cref="Engine.Simd"/> and <see cref="Engine.Direct"/> do, and where Simd is the faster one on a CPU.</summary>
internal static class EngineChoice
{
    /// <summary>The outputs of the largest layer, or the states, up to which Simd was measured against Torch, and was the faster one throughout: docs/performance.md.</summary>
    public const int LargestSimdLayer = 2048;

    /// <summary>Whether Simd is the faster one, where it does what is asked for.</summary>
    public static bool PrefersSimd(Architecture architecture) => architecture.LargestLayer() <= LargestSimdLayer;

    /// <summary>What Simd does not do of the options; null where it does all.</summary>
    public static Obstacle? Of(Architecture architecture) => architecture is DeqArchitecture deq ? Of(deq) : null;

    private static Obstacle? Of(DeqArchitecture deq) => deq switch
    {
        { Cell: DeqCell.LayerNormalized } => new("Cell", $"{deq.Cell}", "Cell to Dense"),
        { Rule: MonotoneRule } => new("WellPosedness", $"{deq.Rule}", "WellPosedness to Spectral"),
        { Gradient: Unrolled } => new("Gradient", nameof(Unrolled), "Gradient to Implicit"),
        { JacobianPenalty: { } penalty } => new("JacobianPenalty", $"{penalty}", "JacobianPenalty to null"),
        { FixedPointCorrection: { } correction } => new("FixedPointCorrection", $"{correction}", "FixedPointCorrection to null"),
        _ => Of("Solver", deq.Solver) ?? (deq.Gradient is Implicit ? Of("GradientSolver", deq.GradientSolver) : null),
    };

    /// <summary>What Direct does not do of the options; null where it does all. How equilibria are to be found is of no effect on it.</summary>
    public static Obstacle? OfDirect(Architecture architecture) => architecture switch
    {
        FnnArchitecture { Dropout: > 0 and var dropout } => OfDropout(dropout),
        DeqArchitecture { Dropout: > 0 and var dropout } => OfDropout(dropout),
        DeqArchitecture { Gradient: not Implicit and var gradient } => new("Gradient", gradient.GetType().Name, "Gradient to Implicit"),
        DeqArchitecture { WarmStart: true } => new("WarmStart", "true", "WarmStart to false"),
        DeqArchitecture { Cell: DeqCell.LayerNormalized } or DeqArchitecture { Rule: MonotoneRule } or DeqArchitecture { JacobianPenalty: not null } or DeqArchitecture { FixedPointCorrection: not null } => Of(architecture),
        _ => null,
    };

    private static Obstacle OfDropout(float dropout) => new("Dropout", FormattableString.Invariant($"{dropout}"), "Dropout to 0");

    private static Obstacle? Of(string option, FixedPointSolver solver) =>
        solver is Auto or Picard or Anderson or ForwardSubstitution ? null : new(option, solver.GetType().Name, $"{option} to Auto");
}

namespace Deq.MLNet.Networks;

/// <summary>What a layer-normalised cell does not go with: every state of a row depends on all of them, and nothing is proved of its contraction.</summary>
internal static class LayerNormalizedCell
{
    /// <summary>Throws where a solver needs a cell without normalisation.</summary>
    public static FixedPointSolver Check(FixedPointSolver solver, string name) => solver is Newton or ForwardSubstitution or ForwardBackward or PeacemanRachford
        ? throw new ArgumentException($"{name} is {solver.GetType().Name}, which does not serve a layer-normalised cell. Use Picard, Anderson, Broyden or Auto.", name)
        : solver;

    /// <summary>Throws where a rule comes with a method of its own, which holds for a cell without normalisation alone.</summary>
    public static WellPosedness Check(WellPosedness rule, string name) => !rule.AsksForForm
        ? rule
        : throw new ArgumentException($"{name} is {rule}, which does not serve a layer-normalised cell. Use Spectral, InfinityNorm, Perron or None.", name);
}

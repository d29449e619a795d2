using Deq.MLNet.Errors;
using Deq.MLNet.Networks;

namespace Deq.MLNet;

/// <summary>What is known of a network's cell for every row, seen or not: W measured in float64, from above, and what follows from it in exact arithmetic.</summary>
public sealed record Certificate
{
    internal Certificate(WellPosedness rule, int stateSize, double contractionFactor, double? errorPerResidual)
    {
        (Rule, StateSize, ContractionFactor, ErrorPerResidual) = (rule, stateSize, contractionFactor, errorPerResidual);
    }

    /// <summary>The rule that W was measured against.</summary>
    public WellPosedness Rule { get; }

    /// <summary>d, the number of states.</summary>
    public int StateSize { get; }

    /// <summary>
    /// Lip(phi) times the norm of W in the rule's own norm, from above: of <see cref="WellPosedness.InfinityNorm"/> the infinity norm, of <see cref="WellPosedness.Perron"/> the infinity norm
    /// weighted by the Perron vector of |W|, and the 2-norm of all others. Rules without a bound may have one of 1 and more.
    /// </summary>
    public double ContractionFactor { get; }

    /// <summary>For every z and every row ||z - z*|| &lt;= ErrorPerResidual ||f(z) - z||, in Euclidean norms, z* the equilibrium; at least 1. Null where no equilibrium is proved.</summary>
    public double? ErrorPerResidual { get; internal init; }

    /// <summary>Whether the existence of one equilibrium for every row is proved. Else the factor is measured only.</summary>
    public bool IsProved => ErrorPerResidual is not null;

    /// <summary>Whether W obeys the rule; true where there is none.</summary>
    public bool RuleHolds => ContractionFactor <= (Rule.Bound ?? double.PositiveInfinity) && (IsProved || !Rule.AsksForForm);

    /// <summary>The error of plain iteration from zero after some steps, as a share of ||z||, is at most this; null where none is proved: a monotone cell's plain iteration may diverge.</summary>
    /// <param name="steps">Evaluations of f, at least 0.</param>
    public double? PlainIterationError(int steps)
    {
        Check.AtLeast(steps, 0);
        return SolvedBySteps(steps) ? 0 : Contracts ? Spread * Math.Pow(ContractionFactor, steps) : null;
    }

    /// <summary>How many plain iterations from zero bring the error of any row below a share of the state's norm; null where none are proved to.</summary>
    /// <param name="error">The share, in (0, 1).</param>
    public int? IterationsFor(double error)
    {
        Check.Within(error, double.Epsilon, 1);
        var steps = !Contracts ? double.PositiveInfinity : ContractionFactor == 0 ? 1 : Math.Max(1, Math.Ceiling(Math.Log(error / Spread) / Math.Log(ContractionFactor)));
        return steps >= StateSize && SolvedBySteps(StateSize) ? StateSize : steps <= int.MaxValue ? (int)steps : null;
    }

    /// <inheritdoc/>
    public override string ToString() => (IsProved, Rule) switch
    {
        (false, _) => FormattableString.Invariant($"measured, not proved: Lip(phi) times the norm of W is {ContractionFactor:G4} in the {Rule.Norm} ({Rule})"),
        (_, MonotoneRule) => FormattableString.Invariant($"proved: one equilibrium for every row, since I - W is strongly monotone; the norm of W is {ContractionFactor:G4} ({Rule})"),
        (_, StrictlyTriangularRule) => $"proved: one equilibrium for every row, found by {StateSize} substitutions ({Rule})",
        _ => FormattableString.Invariant($"proved: one equilibrium for every row, since f contracts by {ContractionFactor:G4} in the {Rule.Norm} ({Rule})"),
    };

    /// <summary>In what W breaks its rule, with the numbers and half a remedy.</summary>
    internal string Violation => Rule switch
    {
        StrictlyTriangularRule => "W has entries other than zero on or above its diagonal; the rule StrictlyTriangular does not hold. Order the states so that each depends on those before it",
        DiagonalRule when !IsProved && ContractionFactor < 1 => $"W has entries other than zero off its diagonal; the rule {Rule} does not hold. Set them to zero",
        MonotoneRule => $"The largest eigenvalue of (W + W') / 2 is above 1 - margin; the rule {Rule} does not hold. Lower the margin, take a multiple of the identity off W",
        _ => FormattableString.Invariant($"W has the contraction factor {ContractionFactor:G6}; the rule {Rule} does not hold. Scale W down"),
    };

    /// <summary>Whether these values can have been measured together.</summary>
    internal bool IsPossible => ContractionFactor >= 0 && double.IsFinite(ContractionFactor)
        && ErrorPerResidual is not (< 1 or double.NaN)
        && (!IsProved || Rule.AsksForForm && Rule.Bound is null || Contracts && ErrorPerResidual * (1 - ContractionFactor) >= 1 - 1e-9);

    private bool Contracts => IsProved && ContractionFactor < 1;

    /// <summary>By how much the rule's own norm may misjudge the Euclidean one; of a weighted norm it follows from how the error was bounded.</summary>
    private double Spread => Rule is InfinityNormRule or PerronRule ? Math.Max(1, ErrorPerResidual!.Value * (1 - ContractionFactor)) : 1;

    private bool SolvedBySteps(int steps) => IsProved && Rule is StrictlyTriangularRule && steps >= StateSize;
}

using Deq.MLNet.Errors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <summary>The rule that W obeys after every training step, so that each row has exactly one equilibrium and iterations find it.</summary>
public abstract record WellPosedness
{
    private protected WellPosedness() { }

    /// <summary>No rule. Training may drift to a W without an equilibrium: iterations then grow from epoch to epoch until they hit the cap, and scores of such rows mean nothing.</summary>
    public static WellPosedness None { get; } = new NoRule();

    /// <summary>Lip(phi) ||W||_2 &lt;= bound: f is a contraction with that factor in the Euclidean norm, and plain iteration from zero brings the error below a share t of ||z|| in at most log(t) / log(bound) steps.</summary>
    /// <param name="bound">Above 0 and below 1; default 0.9. More lets states depend further on one another, and takes more iterations.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not in (0, 1).</exception>
    public static WellPosedness Spectral(float bound = 0.9f) => bound is > 0 and < 1
        ? new SpectralRule(bound)
        : throw new ArgumentOutOfRangeException(nameof(bound), bound, FormattableString.Invariant($"The spectral bound is {bound}; it must be above 0 and below 1."));

    /// <summary>The rule's bound on the contraction factor; null where there is none.</summary>
    public abstract float? Bound { get; }

    /// <summary>The method that finds the equilibria of such a cell; <see cref="Auto"/> where none is special to the rule.</summary>
    internal virtual FixedPointSolver NaturalSolver(Activation activation) => new Auto();

    /// <summary>Measures W in float64 against the rule.</summary>
    internal Certificate Certify(ReadOnlySpan<float> w, int size, Activation activation) =>
        new(this, activation.Lipschitz() * SpectralNorm.Of(w, size));
}

internal sealed record SpectralRule(float Limit) : WellPosedness
{
    public override float? Bound => Limit;

    public override string ToString() => FormattableString.Invariant($"Spectral({Limit})");
}

internal sealed record NoRule : WellPosedness
{
    public override float? Bound => null;

    public override string ToString() => "None";
}

/// <summary>What is known of a cell's contraction: Lip(phi) ||W||_2 computed in float64.</summary>
/// <param name="Rule">The rule that training kept.</param>
/// <param name="ContractionFactor">Lip(phi) ||W||_2, from above to a relative 1e-12. Below 1, every row has exactly one equilibrium.</param>
public sealed record Certificate(WellPosedness Rule, double ContractionFactor)
{
    /// <summary>Whether the existence of one equilibrium for every row is proved.</summary>
    public bool IsProved => ContractionFactor < 1 && !IsOfNormalizedCell;

    /// <summary>Whether the cell is layer-normalised: the factor is then measured of W alone, and proves nothing of the cell.</summary>
    internal bool IsOfNormalizedCell { get; init; }

    /// <summary>Whether the rule's own bound is met; true where there is none.</summary>
    public bool RuleHolds => Rule.Bound is not { } bound || ContractionFactor <= bound;

    /// <summary>How many plain iterations from zero bring the error of any row below a share of the state's norm; null where nothing is proved.</summary>
    /// <param name="error">The share, in (0, 1).</param>
    public int? IterationsFor(double error)
    {
        Check.Within(error, double.Epsilon, 1);
        return !IsProved ? null : ContractionFactor == 0 ? 1 : (int)Math.Max(1, Math.Ceiling(Math.Log(error) / Math.Log(ContractionFactor)));
    }
}

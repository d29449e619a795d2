using System.Runtime.CompilerServices;
using Deq.MLNet.Networks;

namespace Deq.MLNet;

/// <summary>The rule that W obeys at every epoch's end and whenever it can be read, so that each row has exactly one equilibrium. What follows from it for a model's W is told by its <see cref="Certificate"/>.</summary>
/// <remarks>Lip(phi) is the largest slope of the activation: 1, or 1.129 for GELU. Bounds on W are so much tighter.</remarks>
public abstract record WellPosedness
{
    private protected WellPosedness() { }

    /// <summary>
    /// No rule. Nothing says that a row has an equilibrium, or only one. Training may drift to a W without: iterations then grow from epoch to epoch until they hit the cap,
    /// gradients are those of states that are no equilibria, and scores of such rows mean nothing.
    /// </summary>
    public static WellPosedness None { get; } = new NoRule();

    /// <summary>Lip(phi) ||W||_2 &lt;= bound: f is a contraction with that factor in the Euclidean norm, and plain iteration from zero brings the error below a share t of ||z|| in at most log(t) / log(bound) steps.</summary>
    /// <param name="bound">Above 0 and below 1; default 0.9. More lets states depend further on one another, and takes more iterations.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not in (0, 1).</exception>
    public static WellPosedness Spectral(float bound = 0.9f) => new SpectralRule(Bounded(bound, "spectral"));

    /// <summary>
    /// Lip(phi) times the largest sum of |w_ij| over a row &lt;= bound: f is a contraction in the infinity norm. A row that breaks the rule goes to the nearest one that does not,
    /// its projection onto an l1 ball (Duchi et al., ICML 2008), which leaves zeros behind. Source: El Ghaoui et al., "Implicit deep learning", SIAM J. Math. Data Sci. 3, 2021.
    /// </summary>
    /// <param name="bound">Above 0 and below 1; default 0.95.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not in (0, 1).</exception>
    public static WellPosedness InfinityNorm(float bound = 0.95f) => new InfinityNormRule(Bounded(bound, "infinity norm"));

    /// <summary>
    /// Lip(phi) times the Perron root of |W| &lt;= bound: f is a contraction in some weighted infinity norm. Wider than <see cref="InfinityNorm"/>: each W within that rule of a bound
    /// is within this one, however its states are scaled. Of this one and <see cref="Spectral"/> neither holds all that the other does. Source: El Ghaoui et al. 2021.
    /// </summary>
    /// <param name="bound">Above 0 and below 1; default 0.95.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not in (0, 1).</exception>
    public static WellPosedness Perron(float bound = 0.95f) => new PerronRule(Bounded(bound, "Perron"));

    /// <summary>
    /// I - W is strongly monotone, z'(I - W) z &gt;= margin ||z||^2, which is the set of all W = (1 - margin) I - A'A + B - B' (Winston and Kolter, "Monotone operator equilibrium networks", NeurIPS 2020).
    /// It bounds no norm of W: plain iteration usually diverges, and splitting methods find the equilibrium. ReLU, LeakyReLU and the identity; no dropout.
    /// </summary>
    /// <param name="margin">Above 0 and at most 1; default 1. Less gives more freedom, and takes more iterations.</param>
    /// <exception cref="ArgumentOutOfRangeException">The margin is not in (0, 1].</exception>
    public static WellPosedness Monotone(float margin = 1) => margin is > 0 and <= 1
        ? new MonotoneRule(margin)
        : throw new ArgumentOutOfRangeException(nameof(margin), margin, FormattableString.Invariant($"The monotone margin is {margin}; it must be above 0 and at most 1."));

    /// <summary>The entries of W on and above its diagonal are zero: a state depends on those before it, and d substitutions give the equilibrium, whatever the size of W.</summary>
    public static WellPosedness StrictlyTriangular { get; } = new StrictlyTriangularRule();

    /// <summary>W is diagonal, Lip(phi) |w_ii| &lt;= bound: a state depends on itself alone.</summary>
    /// <param name="bound">Above 0 and below 1; default 0.99. What is near 1 remembers most of itself, and takes as many plain iterations.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not in (0, 1).</exception>
    public static WellPosedness Diagonal(float bound = 0.99f) => new DiagonalRule(Bounded(bound, "diagonal"));

    /// <summary>The rule's bound on <see cref="Certificate.ContractionFactor"/>; null where it sets none.</summary>
    public abstract float? Bound { get; }

    /// <summary>The method that finds the equilibria of such a cell; <see cref="Auto"/> where none is special to the rule.</summary>
    internal virtual FixedPointSolver NaturalSolver(Activation activation) => new Auto();

    /// <summary>The method given, and in the place of <see cref="Auto"/> the natural one.</summary>
    internal FixedPointSolver Resolve(FixedPointSolver solver, Activation activation) => solver is Auto ? NaturalSolver(activation) : solver;

    /// <summary>The norm that <see cref="Certificate.ContractionFactor"/> is measured in, in words.</summary>
    internal virtual string Norm => "Euclidean norm";

    /// <summary>Whether W must have a form of its own beside its bound: such a rule holds where it proves something.</summary>
    internal virtual bool AsksForForm => false;

    /// <summary>Measures W in float64 against the rule.</summary>
    /// <param name="w">W, d x d.</param>
    /// <param name="size">d.</param>
    /// <param name="activation">phi.</param>
    /// <param name="proves">Whether what is measured proves something of the cell, as it does for phi(W z + u).</param>
    internal Certificate Certify(ReadOnlySpan<float> w, int size, Activation activation, bool proves = true)
    {
        var certificate = Measure(w, size, activation.Lipschitz());
        return proves ? certificate : certificate with { ErrorPerResidual = null };
    }

    private protected abstract Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz);

    private static float Bounded(float bound, string name, [CallerArgumentExpression(nameof(bound))] string? parameter = null) => bound is > 0 and < 1
        ? bound
        : throw new ArgumentOutOfRangeException(parameter, bound, FormattableString.Invariant($"The {name} bound is {bound}; it must be above 0 and below 1."));
}

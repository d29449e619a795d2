using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>How the weights of hidden layers, or those of a cell, start. What a rule forbids is brought under it before the first step.</summary>
public abstract record Initialization
{
    private protected Initialization() { }

    /// <summary>The standard deviation of pre-activations of units whose kinks are placed at training rows; null for others.</summary>
    internal virtual float? Kinks => null;

    /// <summary>Whether weights are drawn by training rows.</summary>
    internal virtual bool ReadsRows => Kinks is not null;

    /// <summary>Independent normal deviates. The default.</summary>
    /// <param name="scale">
    /// Of a cell the 2-norm of W as a share of what the rule allows, and of 1 without a rule: default about 0.5, few iterations at first and room to grow.
    /// Of a feed-forward network a factor on the deviation that keeps the signal (He et al. 2015; Glorot and Bengio 2010): default 1.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The scale is not positive.</exception>
    public static Initialization Gaussian(float? scale = null) => new GaussianInitialization(Checked(scale));

    /// <summary>A random orthogonal matrix times a scale: it keeps the length of what it acts on (Saxe, McClelland, Ganguli 2014). Where a layer is not square, its rows or its columns are orthogonal.</summary>
    /// <param name="scale">As in <see cref="Gaussian"/>; of a cell it is exact, W'W = s^2 I.</param>
    /// <exception cref="ArgumentOutOfRangeException">The scale is not positive.</exception>
    public static Initialization Orthogonal(float? scale = null) => new OrthogonalInitialization(Checked(scale));

    /// <summary>Of a cell: the deviates of <see cref="Gaussian"/> below the diagonal, and zeros elsewhere.</summary>
    /// <param name="scale">As in <see cref="Gaussian"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The scale is not positive.</exception>
    public static Initialization Triangular(float? scale = null) => new TriangularInitialization(Checked(scale));

    /// <summary>Of a cell: this W, bit for bit where it obeys the rule.</summary>
    /// <param name="w">d x d values, row-major; copied.</param>
    /// <exception cref="ArgumentException">A value is not finite.</exception>
    public static Initialization Given(float[] w) => Array.TrueForAll(Check.NotNull(w), float.IsFinite)
        ? new GivenInitialization([.. w])
        : throw new ArgumentException("w holds a value that is not finite.", nameof(w));

    /// <summary>
    /// Kinks of the activation where the data is: the incoming weights of every state or hidden unit are scaled so that its pre-activation has this standard deviation over the training rows, and its bias puts the zero of the
    /// pre-activation at a random training row. States of a DEQ are drawn in order, W strictly lower triangular at first, so that each reads those before it, by so much less as the rule asks for. Read-out and encoder are Gaussian.
    /// Up to 4,096 rows count, fewer where layers are large.
    /// </summary>
    /// <param name="spread">The standard deviation of pre-activations, positive; default 0.5.</param>
    /// <exception cref="ArgumentOutOfRangeException">The spread is not positive.</exception>
    public static Initialization Kink(float spread = KinkInitialization.DefaultSpread) => new KinkInitialization(Check.Positive(spread));

    /// <summary>
    /// Of a cell: states that settle at rates of many magnitudes. W = diag(1 - gap), each gap drawn log-uniformly from [smallestGap, 1], with Gaussian entries off the diagonal of deviation coupling gap_i / d in row i;
    /// U and b are scaled by the gap, so that every state starts of order one, and b puts a unit's kink at a random training row. Under a rule that allows less, W is brought under it.
    /// </summary>
    /// <param name="smallestGap">The least distance of a diagonal entry from 1, in (0, 1); default 5e-4.</param>
    /// <param name="coupling">The size of entries off the diagonal as a share of the row's gap, at least 0; default 0.3.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static Initialization LogTimescales(float smallestGap = 5e-4f, float coupling = 0.3f) =>
        new LogTimescalesInitialization(Check.Positive(Check.Within(smallestGap, 0f, 1f), nameof(smallestGap)), Check.Within(coupling, 0f, float.PositiveInfinity));

    /// <summary>
    /// New units that read an output y of the network they are added to (InitialNetwork, or the model that Fit is given), before its link and in standard units: a pre-activation is gain (y - threshold), the gain of random sign and of
    /// a magnitude from [minGain, maxGain], the threshold anywhere in the range of y over the training rows or up to a tenth of it below. The read-out reads them by normal deviates of deviation 0.5, so that training starts from another
    /// function. In a feed-forward network such units are whole hidden layers behind the others; units that widen a layer there, and all where there is no network to grow, start as with <see cref="Kink"/>.
    /// After Fahlman and Lebiere, "The cascade-correlation learning architecture", 1990.
    /// </summary>
    /// <param name="minGain">The least gain, positive; default 0.5.</param>
    /// <param name="maxGain">The largest gain, at least the least; default 2.</param>
    /// <param name="noise">The deviation of weights as a share of them, and of a state's weights of features over their root number; at least 0; default 0.1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static Initialization Cascade(float minGain = 0.5f, float maxGain = 2, float noise = 0.1f) =>
        new CascadeInitialization(Check.Positive(minGain), Check.Positive(Check.AtLeast(maxGain, minGain), nameof(maxGain)), Check.Within(noise, 0f, float.PositiveInfinity));

    private static float? Checked(float? scale) => scale is { } given ? Check.Positive(given, nameof(scale)) : null;
}

internal sealed record GaussianInitialization(float? Scale) : Initialization;

internal sealed record OrthogonalInitialization(float? Scale) : Initialization;

internal sealed record TriangularInitialization(float? Scale) : Initialization;

internal sealed record GivenInitialization(float[] W) : Initialization;

internal sealed record KinkInitialization(float Spread) : Initialization
{
    public const float DefaultSpread = 0.5f;

    internal override float? Kinks => Spread;
}

internal sealed record LogTimescalesInitialization(float SmallestGap, float Coupling) : Initialization
{
    internal override bool ReadsRows => true;
}

internal sealed record CascadeInitialization(float MinGain, float MaxGain, float Noise) : Initialization
{
    /// <summary>Of units that have no output to read.</summary>
    internal override float? Kinks => KinkInitialization.DefaultSpread;
}

using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>How the weights of hidden layers, or W of a cell, start. What a rule forbids is brought under it before the first step.</summary>
public abstract record Initialization
{
    private protected Initialization() { }

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

    private static float? Checked(float? scale) => scale is { } given ? Check.Positive(given, nameof(scale)) : null;
}

internal sealed record GaussianInitialization(float? Scale) : Initialization;

internal sealed record OrthogonalInitialization(float? Scale) : Initialization;

internal sealed record TriangularInitialization(float? Scale) : Initialization;

internal sealed record GivenInitialization(float[] W) : Initialization;

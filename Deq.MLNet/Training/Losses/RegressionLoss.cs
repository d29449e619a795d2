using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>A loss of a prediction m for a label y, both in the label's units; the mean over rows, weighted, is made small.</summary>
public abstract record RegressionLoss : Loss
{
    private protected RegressionLoss() { }

    /// <summary>(m - y)²: the prediction is a mean.</summary>
    public static RegressionLoss Squared { get; } = new SquaredLoss();

    /// <summary>|m - y|: the prediction is a median, which outliers hardly move.</summary>
    public static RegressionLoss Absolute { get; } = new AbsoluteLoss();

    /// <summary>e²/2 for an error |e| = |m - y| up to delta, delta (|e| - delta/2) beyond: squared near the label, absolute far from it. Source: Huber, "Robust estimation of a location parameter", Ann. Math. Statist. 35, 1964.</summary>
    /// <param name="delta">Where the one turns into the other, in units of the label, positive; default 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">delta is not positive.</exception>
    public static RegressionLoss Huber(float delta = 1) => new HuberLoss(Check.Positive(delta));

    /// <summary>The Poisson deviance 2 (y log(y / m) - y + m) with log link, m = exp(V z + c): for counts. Labels must be at least 0, and not all 0.</summary>
    public static RegressionLoss Poisson { get; } = new PoissonLoss();

    /// <summary>
    /// The Tweedie deviance 2 (y^(2-p) / ((1-p)(2-p)) - y m^(1-p) / (1-p) + m^(2-p) / (2-p)) with log link, m = exp(V z + c): for amounts with many zeros, such as
    /// claims. Labels must be at least 0, and not all 0. Source: Jorgensen, "The theory of dispersion models", 1997.
    /// </summary>
    /// <param name="power">p: the variance grows as the p-th power of the mean; above 1 (Poisson) and below 2 (gamma); default 1.5.</param>
    /// <exception cref="ArgumentOutOfRangeException">The power is not in (1, 2).</exception>
    public static RegressionLoss Tweedie(float power = 1.5f) => power is > 1 and < 2
        ? new TweedieLoss(power)
        : throw new ArgumentOutOfRangeException(nameof(power), power, FormattableString.Invariant($"The power of the Tweedie loss is {power}; it must be above 1 and below 2."));

    internal override Link Link => Link.Identity;

    /// <summary>The root mean squared error, in units of the label.</summary>
    internal override double Metric(double mean, double unit) => Math.Sqrt(mean) * unit;
}

internal sealed record SquaredLoss : RegressionLoss
{
    internal override double Unit(double unit) => unit * unit;

    public override string ToString() => "Squared";
}

internal sealed record AbsoluteLoss : RegressionLoss
{
    internal override double Unit(double unit) => unit;

    public override string ToString() => "Absolute";
}

internal sealed record HuberLoss(double Delta) : RegressionLoss
{
    internal override Loss InStandardUnits(double unit) => new HuberLoss(Delta / unit);

    internal override double Unit(double unit) => unit * unit;

    public override string ToString() => FormattableString.Invariant($"Huber({(float)Delta})");
}

/// <summary>The Tweedie deviance of power 1.</summary>
internal sealed record PoissonLoss : RegressionLoss
{
    internal override Link Link => Link.Exp;

    internal override double Unit(double unit) => unit;

    public override string ToString() => "Poisson";
}

internal sealed record TweedieLoss(double Power) : RegressionLoss
{
    internal override Link Link => Link.Exp;

    internal override double Unit(double unit) => Math.Pow(unit, 2 - Power);

    public override string ToString() => FormattableString.Invariant($"Tweedie({(float)Power})");
}

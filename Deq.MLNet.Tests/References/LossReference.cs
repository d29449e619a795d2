namespace Deq.MLNet.Tests.References;

/// <summary>Losses of one row in float64, from their definitions as probabilities and deviances: apart from the library's, which are arranged for tensors.</summary>
internal static class LossReference
{
    /// <summary>Every loss, with its parameter at its default and elsewhere.</summary>
    public static IReadOnlyList<Loss> All { get; } =
    [
        RegressionLoss.Squared, RegressionLoss.Absolute, RegressionLoss.Huber(), RegressionLoss.Huber(0.3f), RegressionLoss.Poisson, RegressionLoss.Tweedie(), RegressionLoss.Tweedie(1.9f),
        BinaryLoss.Logistic, BinaryLoss.Hinge, BinaryLoss.Focal(), BinaryLoss.Focal(0.5f), MulticlassLoss.CrossEntropy(), MulticlassLoss.CrossEntropy(0.2f),
    ];

    /// <summary>The loss of affine outputs o for a label y, which is a number, 0 or 1, or the index of a class.</summary>
    public static double Of(Loss loss, double[] o, double y) => loss switch
    {
        SquaredLoss => Math.Pow(y - o[0], 2),
        AbsoluteLoss => Math.Abs(y - o[0]),
        HuberLoss { Delta: var delta } => Math.Abs(y - o[0]) is var e && e <= delta ? e * e / 2 : delta * (e - delta / 2),
        PoissonLoss => 2 * ((y == 0 ? 0 : y * Math.Log(y / Math.Exp(o[0]))) - (y - Math.Exp(o[0]))),
        // The deviance as the integral that defines it: 2 times that of (y - u) u^-p from the mean to the label, done by hand.
        TweedieLoss { Power: var p } => 2 * ((y == 0 ? 0 : y * Integral(Math.Exp(o[0]), y, -p)) - Integral(Math.Exp(o[0]), y, 1 - p)),
        LogisticLoss => -Math.Log(Float64.Logistic(Right(o, y))),
        HingeLoss => Math.Max(0, 1 - Right(o, y)),
        FocalLoss { Gamma: var gamma } => -Math.Pow(Float64.Logistic(-Right(o, y)), gamma) * Math.Log(Float64.Logistic(Right(o, y))),
        CrossEntropyLoss { LabelSmoothing: var smoothing } => -o.Select((_, k) => ((k == (int)y ? 1 - smoothing : 0) + smoothing / o.Length) * Math.Log(Float64.Softmax(o)[k])).Sum(),
        _ => throw new NotSupportedException($"{loss}"),
    };

    /// <summary>The squared error of the prediction, or 1 where the class is right.</summary>
    public static double Metric(Loss loss, double[] o, double y) => loss switch
    {
        PoissonLoss or TweedieLoss => Math.Pow(Math.Exp(o[0]) - y, 2),
        RegressionLoss => Math.Pow(o[0] - y, 2),
        BinaryLoss => o[0] > 0 == y > 0 ? 1 : 0,
        _ => Array.IndexOf(o, o.Max()) == (int)y ? 1 : 0,
    };

    /// <summary>The gradient by the outputs, by central differences.</summary>
    public static double[] Gradient(Loss loss, double[] o, double y)
    {
        const double step = 1e-5;
        double At(int index, double change) => Of(loss, [.. o.Select((v, i) => i == index ? v + change : v)], y);
        return [.. o.Select((_, i) => (At(i, step) - At(i, -step)) / (2 * step))];
    }

    /// <summary>How far the nearest output is at which the loss has a kink.</summary>
    public static double DistanceToKink(Loss loss, double[] o, double y) => loss switch
    {
        AbsoluteLoss => Math.Abs(o[0] - y),
        HuberLoss { Delta: var delta } => Math.Abs(Math.Abs(o[0] - y) - delta),
        HingeLoss => Math.Abs(1 - Right(o, y)),
        _ => double.PositiveInfinity,
    };

    /// <summary>The score in the direction of the label.</summary>
    private static double Right(double[] o, double y) => y > 0 ? o[0] : -o[0];

    /// <summary>The integral of u^power between two ends.</summary>
    private static double Integral(double from, double to, double power) => (Math.Pow(to, power + 1) - Math.Pow(from, power + 1)) / (power + 1);
}

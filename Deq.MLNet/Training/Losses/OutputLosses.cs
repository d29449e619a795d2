namespace Deq.MLNet.Training.Losses;

/// <summary>Weighted sums over rows: of the loss, of the metric, of the weights.</summary>
internal readonly record struct LossSums(double Loss, double Metric, double Weight)
{
    public MeanLoss Mean => new(Loss / Weight, Metric / Weight);

    public static LossSums operator +(LossSums a, LossSums b) => new(a.Loss + b.Loss, a.Metric + b.Metric, a.Weight + b.Weight);
}

/// <summary>What a loss says of one output, or of one row.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Metric">The squared error of the prediction, or 1 where the class is right.</param>
/// <param name="Gradient">Of the loss by the output.</param>
internal readonly record struct OutputLoss(double Loss, double Metric, double Gradient);

/// <summary>A loss of one affine output o for a target y, with its slope; at a kink one between those beside it.</summary>
internal interface IOutputLoss
{
    /// <summary>That of a loss whose outputs count one by one.</summary>
    static IOutputLoss Of(Loss loss) => loss switch
    {
        SquaredLoss => default(Squared),
        AbsoluteLoss => default(Absolute),
        HuberLoss huber => new Huber(huber.Delta),
        PoissonLoss => default(Poisson),
        TweedieLoss tweedie => new Tweedie(tweedie.Power),
        LogisticLoss => default(Logistic),
        HingeLoss => default(Hinge),
        FocalLoss focal => new Focal(focal.Gamma),
        _ => throw new NotSupportedException($"{loss} has no managed form."),
    };

    OutputLoss Of(double o, double y);
}

internal readonly struct Squared : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var error = o - y;
        return new OutputLoss(error * error, error * error, 2 * error);
    }
}

internal readonly struct Absolute : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var error = o - y;
        return new OutputLoss(Math.Abs(error), error * error, error > 0 ? 1 : error < 0 ? -1 : error);
    }
}

internal readonly struct Huber(double delta) : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var error = o - y;
        // The part of the error up to delta is the gradient, and c (|e| - c/2) with its size c is the loss on both sides of delta.
        var gradient = Math.Clamp(error, -delta, delta);
        var size = Math.Abs(gradient);
        return new OutputLoss(size * (Math.Abs(error) - size / 2), error * error, gradient);
    }
}

internal readonly struct Poisson : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var mean = Math.Exp(o);
        var error = mean - y;
        return new OutputLoss(2 * ((y == 0 ? 0 : y * Math.Log(y)) - y * o + error), error * error, 2 * error);
    }
}

internal readonly struct Tweedie(double power) : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var labelled = y * Math.Exp((1 - power) * o);
        var second = Math.Exp((2 - power) * o);
        var error = Math.Exp(o) - y;
        var loss = Math.Pow(y, 2 - power) / ((1 - power) * (2 - power)) - labelled / (1 - power) + second / (2 - power);
        return new OutputLoss(2 * loss, error * error, 2 * (second - labelled));
    }
}

internal readonly struct Logistic : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var sign = BinaryScore.Sign(y);
        return new OutputLoss(BinaryScore.SoftPlus(-sign * o), BinaryScore.Hit(o, y), -sign * BinaryScore.Sigmoid(-sign * o));
    }
}

internal readonly struct Hinge : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var sign = BinaryScore.Sign(y);
        var missing = Math.Max(0, 1 - sign * o);
        return new OutputLoss(missing, BinaryScore.Hit(o, y), missing > 0 ? -sign : 0);
    }
}

internal readonly struct Focal(double gamma) : IOutputLoss
{
    public OutputLoss Of(double o, double y)
    {
        var sign = BinaryScore.Sign(y);
        var (right, wrong, logRight) = (BinaryScore.Sigmoid(sign * o), BinaryScore.Sigmoid(-sign * o), -BinaryScore.SoftPlus(-sign * o));
        var factor = Math.Pow(wrong, gamma);
        // d/ds of -(1-q)^gamma log q is t (1-q)^gamma (gamma q log q - (1-q)).
        return new OutputLoss(-factor * logRight, BinaryScore.Hit(o, y), sign * factor * (gamma * right * logRight - wrong));
    }
}

/// <summary>What the losses of two classes share.</summary>
internal static class BinaryScore
{
    /// <summary>1 for the class 1, -1 for 0.</summary>
    public static double Sign(double y) => 2 * y - 1;

    /// <summary>1 where the score is on the label's side of 0, as ML.NET's PredictedLabel has it.</summary>
    public static double Hit(double o, double y) => o > 0 == y > 0 ? 1 : 0;

    /// <summary>log(1 + exp(v)), without overflow.</summary>
    public static double SoftPlus(double v) => Math.Max(v, 0) + Math.Log(1 + Math.Exp(-Math.Abs(v)));

    public static double Sigmoid(double v) => 1 / (1 + Math.Exp(-v));
}

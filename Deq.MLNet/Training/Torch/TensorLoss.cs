using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>What a loss says of the affine outputs of a batch, row by row.</summary>
/// <param name="Loss">B x 1.</param>
/// <param name="Metric">B x 1: the squared error of the prediction, or 1 where the class is right.</param>
/// <param name="Gradient">B x K: the gradient of a row's loss by its outputs.</param>
internal readonly record struct RowLosses(Tensor Loss, Tensor Metric, Tensor Gradient);

/// <summary>The losses as tensors. O holds the affine outputs (B x K), Y the targets: labels (B x K; their losses add up), 0 or 1 (B x 1), or the index of a class (B x 1).</summary>
internal static class TensorLoss
{
    public static RowLosses Of(Loss loss, Tensor o, Tensor y)
    {
        var each = Elementwise(loss, o, y);
        return each.Loss.shape[1] == 1 ? each : each with { Loss = each.Loss.sum(1, keepdim: true), Metric = each.Metric.sum(1, keepdim: true) };
    }

    private static RowLosses Elementwise(Loss loss, Tensor o, Tensor y) => loss switch
    {
        SquaredLoss => Squared(o, y),
        AbsoluteLoss => Absolute(o, y),
        HuberLoss huber => Huber(o, y, huber.Delta),
        PoissonLoss => Poisson(o, y),
        TweedieLoss tweedie => Tweedie(o, y, tweedie.Power),
        LogisticLoss => Logistic(o, y),
        HingeLoss => Hinge(o, y),
        FocalLoss focal => Focal(o, y, focal.Gamma),
        CrossEntropyLoss crossEntropy => CrossEntropy(o, y, crossEntropy.LabelSmoothing),
        _ => throw new NotSupportedException($"{loss} has no tensor form."),
    };

    private static RowLosses Squared(Tensor o, Tensor y)
    {
        var error = o - y;
        var square = error * error;
        return new RowLosses(square, square, error.MultiplyInPlace(2));
    }

    private static RowLosses Absolute(Tensor o, Tensor y)
    {
        var error = o - y;
        return new RowLosses(error.abs(), error * error, error.sign());
    }

    private static RowLosses Huber(Tensor o, Tensor y, double delta)
    {
        var error = o - y;
        // The part of the error up to delta is the gradient, and c (|e| - c/2) with its size c is the loss on both sides of delta.
        var gradient = error.clone().LowerInPlace(delta).RaiseInPlace(-delta);
        var size = gradient.abs();
        var loss = error.abs().AddInPlace(size, -0.5).mul_(size);
        return new RowLosses(loss, error * error, gradient);
    }

    private static RowLosses Poisson(Tensor o, Tensor y)
    {
        var mean = o.exp();
        // xlogy is 0 where the label is.
        var loss = y.xlogy(y).sub_(y * o).sub_(y).AddInPlace(mean).MultiplyInPlace(2);
        return Deviance(loss, mean - y, mean, y);
    }

    private static RowLosses Tweedie(Tensor o, Tensor y, double power)
    {
        var first = o.clone().MultiplyInPlace(1 - power).exp_();
        var second = o.clone().MultiplyInPlace(2 - power).exp_();
        var own = y.RaisedTo(2 - power).MultiplyInPlace(1 / ((1 - power) * (2 - power)));
        var labelled = y * first;
        var loss = own.AddInPlace(labelled, -1 / (1 - power)).AddInPlace(second, 1 / (2 - power)).MultiplyInPlace(2);
        return Deviance(loss, second.sub_(labelled), o.exp(), y);
    }

    private static RowLosses Deviance(Tensor loss, Tensor halfGradient, Tensor mean, Tensor y)
    {
        var error = mean - y;
        return new RowLosses(loss, error * error, halfGradient.MultiplyInPlace(2));
    }

    private static RowLosses Logistic(Tensor o, Tensor y)
    {
        var sign = Sign(y);
        var against = (o * sign).neg_();
        return new RowLosses(SoftPlus(against), Hits(o, y), against.sigmoid().mul_(sign).neg_());
    }

    private static RowLosses Hinge(Tensor o, Tensor y)
    {
        var sign = Sign(y);
        var missing = (o * sign).neg_().AddInPlace(1).relu_();
        return new RowLosses(missing, Hits(o, y), missing.IsAbove(0).to(o.dtype).mul_(sign).neg_());
    }

    private static RowLosses Focal(Tensor o, Tensor y, double gamma)
    {
        var sign = Sign(y);
        var against = (o * sign).neg_();
        var logRight = SoftPlus(against).neg_();
        var wrong = against.sigmoid();
        var right = (o * sign).sigmoid_();
        var factor = wrong.RaisedTo(gamma);
        // d/ds of -(1-q)^gamma log q is t (1-q)^gamma (gamma q log q - (1-q)).
        var gradient = (right * logRight).MultiplyInPlace(gamma).sub_(wrong).mul_(factor).mul_(sign);
        return new RowLosses((factor * logRight).neg_(), Hits(o, y), gradient);
    }

    private static RowLosses CrossEntropy(Tensor o, Tensor y, double smoothing)
    {
        var index = y.to(ScalarType.Int64);
        var log = o.log_softmax(1);
        var share = ones_like(y).MultiplyInPlace(1 - smoothing);
        var wanted = zeros_like(o).scatter_(1, index, share).AddInPlace(smoothing / o.shape[1]);
        var loss = (wanted * log).sum(1, keepdim: true).neg_();
        var hits = o.argmax(1, keepdim: true).eq(index).to(o.dtype);
        return new RowLosses(loss, hits, log.exp_().sub_(wanted));
    }

    /// <summary>1 for the class 1, -1 for 0.</summary>
    private static Tensor Sign(Tensor y) => y.clone().MultiplyInPlace(2).AddInPlace(-1);

    /// <summary>1 where the score is on the label's side of 0, as ML.NET's PredictedLabel has it.</summary>
    private static Tensor Hits(Tensor o, Tensor y) => o.IsAbove(0).eq(y.IsAbove(0)).to(o.dtype);

    /// <summary>log(1 + exp(v)), without overflow.</summary>
    private static Tensor SoftPlus(Tensor v) => v.logaddexp(zeros_like(v));
}

using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>A loss of a score s, the affine output, for a label of two classes; t is 1 for true and -1 for false.</summary>
public abstract record BinaryLoss : Loss
{
    private protected BinaryLoss() { }

    /// <summary>log(1 + exp(-t s)), the cross-entropy of the probability 1 / (1 + exp(-s)).</summary>
    public static BinaryLoss Logistic { get; } = new LogisticLoss();

    /// <summary>max(0, 1 - t s): the score is a margin, which says nothing of a probability.</summary>
    public static BinaryLoss Hinge { get; } = new HingeLoss();

    /// <summary>-(1 - q)^gamma log q, with q the probability 1 / (1 + exp(-t s)) given to the right class: rows that are already right count little. Source: Lin, Goyal, Girshick, He, Dollár, "Focal loss for dense object detection", ICCV 2017.</summary>
    /// <param name="gamma">How little, at least 0; 0 is the logistic loss; default 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">gamma is negative.</exception>
    public static BinaryLoss Focal(float gamma = 2) => new FocalLoss(Check.Within(gamma, 0, float.PositiveInfinity));
}

internal sealed record LogisticLoss : BinaryLoss
{
    internal override Link Link => Link.Logistic;

    internal override bool IsProper => true;

    public override string ToString() => "Logistic";
}

internal sealed record HingeLoss : BinaryLoss
{
    internal override Link Link => Link.Identity;

    public override string ToString() => "Hinge";
}

internal sealed record FocalLoss(double Gamma) : BinaryLoss
{
    internal override Link Link => Link.Logistic;

    internal override bool IsProper => Gamma == 0;

    public override string ToString() => FormattableString.Invariant($"Focal({(float)Gamma})");
}

/// <summary>A loss of K probabilities, the softmax of the affine outputs, for a label of K classes.</summary>
public abstract record MulticlassLoss : Loss
{
    private protected MulticlassLoss() { }

    /// <summary>-sum over classes of q log p, with q = 1 - smoothing at the label, and smoothing spread evenly over all K classes. Source of the smoothing: Szegedy et al., "Rethinking the Inception architecture", CVPR 2016.</summary>
    /// <param name="labelSmoothing">The share that is spread, in [0, 1); default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public static MulticlassLoss CrossEntropy(float labelSmoothing = 0) => new CrossEntropyLoss(Check.Within(labelSmoothing, 0, 1));

    internal override Link Link => Link.Softmax;
}

internal sealed record CrossEntropyLoss(double LabelSmoothing) : MulticlassLoss
{
    internal override bool IsProper => LabelSmoothing == 0;

    public override string ToString() => FormattableString.Invariant($"CrossEntropy({(float)LabelSmoothing})");
}

namespace Deq.MLNet.Samples;

/// <summary>What a model says of a row with one of several classes.</summary>
internal sealed class Classification
{
    /// <summary>The key of the true class: 1 for the first of the K classes.</summary>
    public uint Label { get; set; }

    /// <summary>The key of the predicted class.</summary>
    public uint PredictedLabel { get; set; }

    /// <summary>The probability of each of the K classes.</summary>
    public float[] Score { get; set; } = [];
}

using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers.Scoring;

/// <summary>Scores one row after another with scratch of its own; for one thread.</summary>
/// <param name="network">The network.</param>
/// <param name="appliesLink">Whether a score is the output of the link, or what goes into it.</param>
internal sealed class RowScorer(Network network, bool appliesLink)
{
    private readonly float[] _dense = new float[network.InputSize];
    private readonly float[] _scratch = new float[network.ScratchSize];
    private readonly float[] _state = new float[(network as DeqNetwork)?.StateSize ?? 0];

    /// <summary>K.</summary>
    public int OutputSize => network.OutputSize;

    /// <summary>The equilibrium of the last row, d values; none for a feed-forward network.</summary>
    public ReadOnlySpan<float> State => _state;

    /// <summary>How it was found.</summary>
    public RowSolution Solution { get; private set; }

    public void Score(in VBuffer<float> features, Span<float> outputs)
    {
        var x = Dense(features);
        if (network is DeqNetwork deq)
        {
            Solution = deq.EvaluateAffine(x, _scratch, _state, outputs);
        }
        else
        {
            network.EvaluateAffine(x, _scratch, outputs);
        }
        if (appliesLink)
        {
            network.Link.Apply(outputs);
        }
    }

    private ReadOnlySpan<float> Dense(in VBuffer<float> features)
    {
        if (features.Length != network.InputSize)
        {
            throw new ArgumentException($"The row has {features.Length} features; the model was trained on {network.InputSize}.", nameof(features));
        }
        if (features.IsDense)
        {
            return features.GetValues();
        }
        features.CopyTo(_dense);
        return _dense;
    }
}

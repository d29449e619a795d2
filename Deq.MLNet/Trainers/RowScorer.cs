using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers;

/// <summary>Scores one row after another with scratch of its own; for one thread.</summary>
internal sealed class RowScorer(Network network)
{
    private readonly float[] _dense = new float[network.InputSize];
    private readonly float[] _scratch = new float[network.ScratchSize];

    public void Score(in VBuffer<float> features, Span<float> outputs) => network.Evaluate(Dense(features), _scratch, outputs);

    public void ScoreBeforeLink(in VBuffer<float> features, Span<float> outputs) => network.EvaluateAffine(Dense(features), _scratch, outputs);

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

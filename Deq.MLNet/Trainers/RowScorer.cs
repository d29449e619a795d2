using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers;

/// <summary>Scores one row after another with scratch of its own; for one thread.</summary>
internal sealed class RowScorer(Network network)
{
    private readonly float[] _dense = new float[network.InputSize];
    private readonly float[] _scratch = new float[network.ScratchSize];

    public void Score(in VBuffer<float> features, Span<float> outputs)
    {
        if (features.Length != network.InputSize)
        {
            throw new ArgumentException($"The row has {features.Length} features; the model was trained on {network.InputSize}.", nameof(features));
        }
        var row = features.GetValues();
        if (!features.IsDense)
        {
            features.CopyTo(_dense);
            row = _dense;
        }
        network.Evaluate(row, _scratch, outputs);
    }
}

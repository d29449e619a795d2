using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers.Scoring;

/// <summary>The row that a cursor stands on, scored once, however many columns ask for it.</summary>
internal sealed class ScoredRow(DataViewRow input, DataViewSchema.Column features, RowScorer scorer)
{
    private readonly ValueGetter<VBuffer<float>> _getFeatures = input.GetGetter<VBuffer<float>>(features);
    private readonly float[] _outputs = new float[scorer.OutputSize];
    private VBuffer<float> _features;
    private long _position = -1;

    /// <summary>The scores, K values.</summary>
    public ReadOnlySpan<float> Outputs
    {
        get
        {
            Score();
            return _outputs;
        }
    }

    /// <summary>The equilibrium, d values.</summary>
    public ReadOnlySpan<float> State
    {
        get
        {
            Score();
            return scorer.State;
        }
    }

    /// <summary>How it was found.</summary>
    public RowSolution Solution
    {
        get
        {
            Score();
            return scorer.Solution;
        }
    }

    private void Score()
    {
        if (_position == input.Position)
        {
            return;
        }
        // A row that fails on the way leaves nothing that the next call would take for its scores.
        _position = -1;
        _getFeatures(ref _features);
        scorer.Score(_features, _outputs);
        _position = input.Position;
    }
}

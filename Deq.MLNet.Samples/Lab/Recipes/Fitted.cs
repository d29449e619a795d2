using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A trained network as the pipeline gives it, or what is left of a training that diverged: a run whose errors are NaN, and so the worst.</summary>
internal sealed class Fitted(MLContext ml, RegressionPredictionTransformer<NetworkRegressionModelParameters>? predictor, double seconds)
{
    private static readonly TrainingHistory NoHistory = new([], 0, 0, "", Engine.Auto);

    /// <summary>Trains; what diverges has failed.</summary>
    public static Fitted Try(Func<Fitted> train) => Seeds.Try(train, new Fitted(new MLContext(), null, 0));

    public bool HasDiverged => predictor is null;

    /// <summary>Null where training diverged.</summary>
    public Network? Network => predictor?.Model.Network;

    /// <summary>Without epochs where training diverged.</summary>
    public TrainingHistory History => predictor?.Model.History ?? NoHistory;

    public double Seconds => seconds;

    /// <summary>The scores of rows.</summary>
    public float[] Scores(float[][] x) =>
        predictor is null ? [.. x.Select(_ => float.NaN)] : [.. predictor.Transform(Rows.Of(ml, x, new float[x.Length])).GetColumn<float>("Score")];

    /// <summary>The mean squared error over rows.</summary>
    public double MeanSquaredError(Target target, float[][] x) => Scores(x).Zip(x, (score, row) => Math.Pow(score - target.At(row), 2)).Average();

    /// <summary>The largest error over rows.</summary>
    public double LargestError(Target target, float[][] x) => Scores(x).Zip(x, (score, row) => Math.Abs(score - target.At(row))).Aggregate(0.0, Math.Max);
}

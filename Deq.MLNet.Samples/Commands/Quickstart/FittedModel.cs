using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Spectre.Console;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A pipeline fitted on 80% of the rows, and what it makes of the other 20%.</summary>
internal sealed class FittedModel
{
    private FittedModel(TransformerChain<RegressionPredictionTransformer<NetworkRegressionModelParameters>> pipeline, IDataView testRows, double seconds)
    {
        (Pipeline, TestRows, TrainSeconds) = (pipeline, testRows, seconds);
        Network = (DeqNetwork)pipeline.LastTransformer.Model.Network;
        History = pipeline.LastTransformer.Model.History;

        var scored = pipeline.Transform(testRows);
        Features = [.. scored.GetColumn<float[]>("Features")];
        Labels = [.. scored.GetColumn<float>("Label")];
        Scores = [.. scored.GetColumn<float>("Score")];
    }

    public TransformerChain<RegressionPredictionTransformer<NetworkRegressionModelParameters>> Pipeline { get; }

    public DeqNetwork Network { get; }

    public TrainingHistory History { get; }

    public double TrainSeconds { get; }

    public IDataView TestRows { get; }

    /// <summary>The test rows' features as they reach the network, after the pipeline's other transforms.</summary>
    public float[][] Features { get; }

    public float[] Labels { get; }

    public float[] Scores { get; }

    public static FittedModel Train(MLContext ml) => AnsiConsole.Progress().Start(progress =>
    {
        var bar = progress.AddTask("Training", maxValue: DiabetesTask.Epochs);
        void OnEpoch(TrainingEpoch epoch)
        {
            bar.Description = string.Create(CultureInfo.InvariantCulture, $"Training, loss {epoch.TrainingLoss:F0}");
            bar.Value = epoch.Epoch;
        }

        var split = Diabetes.Split(ml);
        var watch = Stopwatch.StartNew();
        var pipeline = DiabetesTask.Pipeline(ml, DiabetesTask.Deq(ml, OnEpoch)).Fit(split.TrainSet);
        return new FittedModel(pipeline, split.TestSet, watch.Elapsed.TotalSeconds);
    });

    /// <summary>The largest residual that scoring leaves on a test row.</summary>
    public double WorstResidual()
    {
        var scratch = new float[Network.ScratchSize];
        var state = new float[Network.StateSize];
        return Features.Max(row => Network.Solve(row, scratch, state).Residual);
    }
}

using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit.Sdk;

namespace Deq.MLNet.Tests.Trainers;

public enum TrainerKind
{
    Deq,
    Fnn,
}

/// <summary>Runs a theory once with each trainer.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BothTrainersAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[TrainerKind.Deq], [TrainerKind.Fnn]];
}

internal sealed class TrainerRow
{
    [VectorType(TrainerSetup.FeatureCount)]
    public float[] Features { get; set; } = [];

    public float Label { get; set; }

    public float Weight { get; set; } = 1;
}

internal sealed class TrainerScore
{
    public float Score { get; set; }
}

/// <summary>Small rows, and trainers that take a fraction of a second on them.</summary>
internal static class TrainerSetup
{
    public const int FeatureCount = 4;

    /// <summary>y = 3 + 2 x0 - x1 + max(0, x2); x3 says nothing.</summary>
    public static TrainerRow[] Rows(int count = 200, int seed = 1)
    {
        var random = new Random(seed);
        float Gaussian() => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        var rows = new TrainerRow[count];
        for (var i = 0; i < count; i++)
        {
            float[] x = [Gaussian(), Gaussian(), Gaussian(), Gaussian()];
            rows[i] = new TrainerRow { Features = x, Label = 3 + 2 * x[0] - x[1] + Math.Max(0, x[2]) };
        }
        return rows;
    }

    public static IDataView View(this MLContext context, IEnumerable<TrainerRow> rows) => context.Data.LoadFromEnumerable(rows);

    public static NetworkTrainerOptions Options(TrainerKind kind)
    {
        NetworkTrainerOptions options = kind == TrainerKind.Deq
            ? new DeqRegressionTrainer.Options { HiddenSize = 8 }
            : new FnnRegressionTrainer.Options { HiddenSizes = [8] };
        (options.Epochs, options.LearningRate, options.Threads) = (4, 1e-2f, 1);
        return options;
    }

    public static NetworkRegressionTrainer Trainer(this MLContext context, TrainerKind kind, Action<NetworkTrainerOptions>? change = null)
    {
        var options = Options(kind);
        change?.Invoke(options);
        return context.Trainer(options);
    }

    public static NetworkRegressionTrainer Trainer(this MLContext context, NetworkTrainerOptions options) => options is DeqRegressionTrainer.Options deq
        ? context.Regression.Trainers.Deq(deq)
        : context.Regression.Trainers.Fnn((FnnRegressionTrainer.Options)options);

    /// <summary>A model of the small rows, made in a context of its own.</summary>
    public static RegressionPredictionTransformer<NetworkRegressionModelParameters> Fit(TrainerKind kind, Action<NetworkTrainerOptions>? change = null, IEnumerable<TrainerRow>? rows = null)
    {
        var context = new MLContext(1);
        return context.Trainer(kind, change).Fit(context.View(rows ?? Rows()));
    }

    public static float[] Scores(this ITransformer model, IDataView data, string column = "Score") => [.. model.Transform(data).GetColumn<float>(column)];

    public static float[] Scores(this ITransformer model, IEnumerable<TrainerRow> rows) => model.Scores(new MLContext(1).View(rows));

    /// <summary>Scores down to the last bit.</summary>
    public static int[] Bits(this IEnumerable<float> values) => [.. values.Select(BitConverter.SingleToInt32Bits)];

    /// <summary>Every weight of a network, in one array.</summary>
    public static float[] Weights(this Network network) => network switch
    {
        DeqNetwork deq => [.. deq.W.Span, .. deq.U.Span, .. deq.B.Span, .. deq.V.Span, .. deq.C.Span],
        FnnNetwork fnn => [.. fnn.Layers.SelectMany(l => l.Weights.ToArray().Concat(l.Bias.ToArray()))],
        _ => throw new NotSupportedException(network.GetType().Name),
    };

    /// <summary>The outputs in float64: the equilibrium to its rounding error, or the layers.</summary>
    public static double[] Reference(this Network network, IEnumerable<TrainerRow> rows)
    {
        if (network is DeqNetwork deq)
        {
            var reference = new Deq.MLNet.Networks.DeqReference(deq);
            return [.. rows.Select(r => reference.Evaluate(r.Features)[0])];
        }
        return [.. rows.Select(r => Layers((FnnNetwork)network, r.Features))];
    }

    private static double Layers(FnnNetwork network, float[] features)
    {
        var values = features.Select(x => (double)x).ToArray();
        foreach (var layer in network.Layers)
        {
            var (weights, bias, inputs) = (layer.Weights.ToArray(), layer.Bias.ToArray(), values);
            values = [.. bias.Select((b, i) => b + inputs.Select((x, j) => x * weights[i * inputs.Length + j]).Sum())];
            if (!ReferenceEquals(layer, network.Layers[^1]))
            {
                values = [.. values.Select(v => network.Activation == Activation.ReLU ? Math.Max(0, v) : Math.Tanh(v))];
            }
        }
        return values[0];
    }
}

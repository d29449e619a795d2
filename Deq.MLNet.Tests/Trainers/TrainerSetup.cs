global using AnyModel = Microsoft.ML.ISingleFeaturePredictionTransformer<Deq.MLNet.Trainers.INetworkModel>;
global using AnyTrainer = Microsoft.ML.Trainers.ITrainerEstimator<Microsoft.ML.ISingleFeaturePredictionTransformer<Deq.MLNet.Trainers.INetworkModel>, Deq.MLNet.Trainers.INetworkModel>;
using System.Reflection;
using Deq.MLNet.Networks;
using Deq.MLNet.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit.Sdk;

namespace Deq.MLNet.Tests.Trainers;

public enum TrainerKind
{
    Deq,
    Fnn,
}

/// <summary>Runs a theory once with each regression trainer: for what hangs on the network and not on the task.</summary>
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

    /// <summary>Rows in which half of the features are zero.</summary>
    public static TrainerRow[] RowsWithZeros(int count = 200)
    {
        var rows = Rows(count);
        for (var i = 0; i < count; i++)
        {
            (rows[i].Features[i % FeatureCount], rows[i].Features[(i + 1) % FeatureCount]) = (0, 0);
        }
        return rows;
    }

    /// <summary>The data with its zero features left out.</summary>
    public static IDataView WithSparseFeatures(this IDataView data)
    {
        static void Map(DenseFeatures from, SparseFeatures to)
        {
            var indices = Enumerable.Range(0, FeatureCount).Where(i => from.Features[i] != 0).ToArray();
            to.Features = new VBuffer<float>(FeatureCount, indices.Length, [.. indices.Select(i => from.Features[i])], indices);
        }
        var sparse = new MLContext(1).Transforms.CustomMapping<DenseFeatures, SparseFeatures>(Map, null).Fit(data).Transform(data);
        sparse.GetColumn<VBuffer<float>>("Features").Should().OnlyContain(v => !v.IsDense);
        return sparse;
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

    /// <summary>Training as the trainer's own overloads do it, whatever the task.</summary>
    public static AnyModel Fit(this AnyTrainer trainer, IDataView data, IDataView? validation, INetworkModel? start = null) => trainer switch
    {
        NetworkRegressionTrainer t => t.Fit(data, validation, (NetworkRegressionModelParameters?)start),
        NetworkBinaryTrainer t => t.Fit(data, validation, (NetworkBinaryModelParameters?)start),
        _ => ((NetworkMulticlassTrainer)trainer).Fit(data, validation, (NetworkMulticlassModelParameters?)start),
    };

    public static TrainingHistory History(this INetworkModel model) => model is NetworkModelParameters<float> scalar ? scalar.History! : ((NetworkModelParameters<VBuffer<float>>)model).History!;

    public static SolveReport? Equilibrium(this INetworkModel model) => model is NetworkModelParameters<float> scalar ? scalar.Equilibrium : ((NetworkModelParameters<VBuffer<float>>)model).Equilibrium;

    /// <summary>A column of numbers or vectors, row after row.</summary>
    public static float[] Scores(this ITransformer model, IDataView data, string column = "Score")
    {
        var scored = model.Transform(data);
        return scored.Schema[column].Type is VectorDataViewType ? [.. scored.GetColumn<float[]>(column).SelectMany(v => v)] : [.. scored.GetColumn<float>(column)];
    }

    public static float[] Scores(this ITransformer model, IEnumerable<TrainerRow> rows) => model.Scores(new MLContext(1).View(rows));

    /// <summary>The columns of a schema by name, with their types and annotations.</summary>
    public static IEnumerable<string> Describe(SchemaShape shape) => shape.OrderBy(c => c.Name, StringComparer.Ordinal)
        .Select(c => $"{c.Name} {c.Kind} {c.ItemType} {c.IsKey} ({string.Join("; ", Describe(c.Annotations))})");

    /// <summary>Scores down to the last bit.</summary>
    public static int[] Bits(this IEnumerable<float> values) => [.. values.Select(BitConverter.SingleToInt32Bits)];

    /// <summary>Every weight of a network, in one array.</summary>
    public static float[] Weights(this Network network) => network switch
    {
        DeqNetwork deq => [.. deq.W.Span, .. deq.U.Span, .. deq.B.Span, .. deq.V.Span, .. deq.C.Span],
        FnnNetwork fnn => [.. fnn.Layers.SelectMany(l => l.Weights.ToArray().Concat(l.Bias.ToArray()))],
        _ => throw new NotSupportedException(network.GetType().Name),
    };

    /// <summary>The scores in float64, row after row: the equilibrium to its rounding error, or the layers; of two classes before the link, as ML.NET's Score.</summary>
    public static double[] Reference(this Network network, IEnumerable<TrainerRow> rows)
    {
        var link = network.Link == Link.Logistic ? Link.Identity : network.Link;
        if (network is DeqNetwork deq)
        {
            var reference = new DeqReference(new DeqNetwork(deq.W.Span, deq.U.Span, deq.B.Span, deq.V.Span, deq.C.Span, deq.Activation, link));
            return [.. rows.SelectMany(r => reference.Evaluate(r.Features))];
        }
        return [.. rows.SelectMany(r => Layers((FnnNetwork)network, r.Features, link))];
    }

    private static double[] Layers(FnnNetwork network, float[] features, Link link)
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
        link.Apply<double>(values);
        return values;
    }

    internal sealed class DenseFeatures
    {
        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];
    }

    private sealed class SparseFeatures
    {
        [VectorType(FeatureCount)]
        public VBuffer<float> Features { get; set; }
    }
}

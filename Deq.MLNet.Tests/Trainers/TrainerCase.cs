using Microsoft.ML;
using Xunit.Abstractions;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public enum TrainerTask
{
    Regression,
    Binary,
    Multiclass,
}

public enum NetworkKind
{
    Deq,
    Fnn,
}

/// <summary>
/// A trainer under test: how it is made, the rows it takes, and what its models give. Rows are the same for every task: a class is a range of their label.
/// </summary>
public sealed class TrainerCase : IXunitSerializable
{
    /// <summary>The size of a network's hidden layer, or of its state.</summary>
    public const int HiddenSize = 8;

    /// <summary>Where the label's range is cut into two classes, and into <see cref="Classes"/>.</summary>
    private const float Middle = 3.4f, Low = 2, High = 5;

    /// <summary>The classes of the multiclass label, in key order.</summary>
    public static readonly string[] Classes = ["low", "middle", "high"];

    public static IReadOnlyList<TrainerCase> All { get; } =
        [.. from task in Enum.GetValues<TrainerTask>() from network in Enum.GetValues<NetworkKind>() select new TrainerCase { Network = network, Task = task }];

    /// <summary>A trainer of each kind of network, for what is the same for every task.</summary>
    public static TrainerCase Deq { get; } = Of(NetworkKind.Deq, TrainerTask.Regression);

    public static TrainerCase Fnn { get; } = Of(NetworkKind.Fnn, TrainerTask.Regression);

    /// <summary>The trainers of deep equilibrium networks with every column that they can add.</summary>
    public static IReadOnlyList<TrainerCase> WithColumns { get; } = [.. All.Where(c => c.IsDeq).Select(c => new TrainerCase { Network = c.Network, Task = c.Task, AddsColumns = true })];

    /// <summary>A trainer of each kind of network on the engine that is not the default one.</summary>
    public static IReadOnlyList<TrainerCase> OnTorch { get; } =
        [new() { Network = NetworkKind.Deq, Task = TrainerTask.Multiclass, Torch = true }, new() { Network = NetworkKind.Fnn, Task = TrainerTask.Binary, Torch = true }];

    public NetworkKind Network { get; private set; }

    public TrainerTask Task { get; private set; }

    private bool AddsColumns { get; set; }

    private bool Torch { get; set; }

    public bool IsDeq => Network == NetworkKind.Deq;

    public bool IsRegression => Task == TrainerTask.Regression;

    /// <summary>Scores of one row: the prediction, the log-odds, or the probabilities of the classes.</summary>
    public int Outputs => Task == TrainerTask.Multiclass ? Classes.Length : 1;

    /// <summary>What a model adds to its data, in this order.</summary>
    public string[] OutputColumns =>
    [
        .. Task switch
        {
            TrainerTask.Regression => new[] { "Score" },
            TrainerTask.Binary => ["PredictedLabel", "Score", "Probability"],
            _ => ["PredictedLabel", "Score"],
        },
        .. AddsColumns ? new[] { "Residual", "Iterations", "SolveStatus", "State" } : [],
    ];

    public override string ToString() => $"{Network} {Task}{(AddsColumns ? " with columns" : "")}{(Torch ? " on Torch" : "")}";

    public static TrainerCase Of(NetworkKind network, TrainerTask task) => All.Single(c => c.Network == network && c.Task == task);

    internal TrainerCase OfOtherNetwork => All.Single(c => c.Task == Task && c.Network != Network);

    internal TrainerCase WithoutColumns => Of(Network, Task);

    internal NetworkTrainerOptions Options()
    {
        NetworkTrainerOptions options = (Network, Task) switch
        {
            (NetworkKind.Deq, TrainerTask.Regression) => new DeqRegressionTrainer.Options { HiddenSize = HiddenSize },
            (NetworkKind.Deq, TrainerTask.Binary) => new DeqBinaryTrainer.Options { HiddenSize = HiddenSize },
            (NetworkKind.Deq, TrainerTask.Multiclass) => new DeqMulticlassTrainer.Options { HiddenSize = HiddenSize },
            (NetworkKind.Fnn, TrainerTask.Regression) => new FnnRegressionTrainer.Options { HiddenSizes = [HiddenSize] },
            (NetworkKind.Fnn, TrainerTask.Binary) => new FnnBinaryTrainer.Options { HiddenSizes = [HiddenSize] },
            _ => new FnnMulticlassTrainer.Options { HiddenSizes = [HiddenSize] },
        };
        (options.Epochs, options.LearningRate, options.Threads) = (4, 1e-2f, 1);
        if (Torch)
        {
            options.Engine = MLNet.Engine.Torch;
        }
        if (AddsColumns && options is DeqTrainerOptions deq)
        {
            (deq.SolveColumns, deq.StateColumn) = (true, "State");
        }
        return options;
    }

    internal AnyTrainer Trainer(MLContext context, Action<NetworkTrainerOptions>? change = null)
    {
        var options = Options();
        change?.Invoke(options);
        return Trainer(context, options);
    }

    internal static AnyTrainer Trainer(MLContext context, NetworkTrainerOptions options) => options switch
    {
        DeqRegressionTrainer.Options o => context.Regression.Trainers.Deq(o),
        DeqBinaryTrainer.Options o => context.BinaryClassification.Trainers.Deq(o),
        DeqMulticlassTrainer.Options o => context.MulticlassClassification.Trainers.Deq(o),
        FnnRegressionTrainer.Options o => context.Regression.Trainers.Fnn(o),
        FnnBinaryTrainer.Options o => context.BinaryClassification.Trainers.Fnn(o),
        FnnMulticlassTrainer.Options o => context.MulticlassClassification.Trainers.Fnn(o),
        _ => throw new NotSupportedException(options.GetType().Name),
    };

    internal static void SetLoss(NetworkTrainerOptions options, Loss loss)
    {
        switch (options)
        {
            case DeqRegressionTrainer.Options o: o.Loss = (RegressionLoss)loss; break;
            case FnnRegressionTrainer.Options o: o.Loss = (RegressionLoss)loss; break;
            case DeqBinaryTrainer.Options o: o.Loss = (BinaryLoss)loss; break;
            case FnnBinaryTrainer.Options o: o.Loss = (BinaryLoss)loss; break;
            case DeqMulticlassTrainer.Options o: o.Loss = (MulticlassLoss)loss; break;
            case FnnMulticlassTrainer.Options o: o.Loss = (MulticlassLoss)loss; break;
            default: throw new NotSupportedException(options.GetType().Name);
        }
    }

    internal static void SetClassWeights(NetworkTrainerOptions options, ClassWeights? weights)
    {
        switch (options)
        {
            case DeqBinaryTrainer.Options o: o.ClassWeights = weights; break;
            case FnnBinaryTrainer.Options o: o.ClassWeights = weights; break;
            case DeqMulticlassTrainer.Options o: o.ClassWeights = weights; break;
            case FnnMulticlassTrainer.Options o: o.ClassWeights = weights; break;
            default: throw new NotSupportedException(options.GetType().Name);
        }
    }

    /// <summary>Features, the task's Label (a key with the names of the classes for more than two), and Weight.</summary>
    internal IDataView View(MLContext context, IEnumerable<TrainerRow> rows)
    {
        switch (Task)
        {
            case TrainerTask.Regression:
                return context.View(rows);
            case TrainerTask.Binary:
                return context.Data.LoadFromEnumerable(rows.Select(r => new BinaryRow { Features = r.Features, Label = ClassOf(r) == 1, Weight = r.Weight }));
            default:
                var named = context.Data.LoadFromEnumerable(rows.Select(r => new ClassRow { Features = r.Features, Label = float.IsFinite(r.Label) ? Classes[ClassOf(r)] : "", Weight = r.Weight }));
                var keys = context.Data.LoadFromEnumerable(Classes.Select(name => new { Label = name }));
                return context.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(named).Transform(named);
        }
    }

    internal IDataView View(MLContext context) => View(context, Rows());

    /// <summary>The class of a row, from 0.</summary>
    internal int ClassOf(TrainerRow row) => Task == TrainerTask.Binary ? (row.Label > Middle ? 1 : 0) : row.Label < Low ? 0 : row.Label < High ? 1 : 2;

    /// <summary>A model of the small rows, made in a context of its own.</summary>
    internal AnyModel Fit(Action<NetworkTrainerOptions>? change = null, IEnumerable<TrainerRow>? rows = null)
    {
        var context = new MLContext(1);
        return Trainer(context, change).Fit(View(context, rows ?? Rows()));
    }

    /// <summary>R squared, the area under the ROC curve, or the share of right classes, by ML.NET's evaluators.</summary>
    internal double Quality(MLContext context, IDataView scored) => Task switch
    {
        TrainerTask.Regression => context.Regression.Evaluate(scored).RSquared,
        TrainerTask.Binary => context.BinaryClassification.Evaluate(scored).AreaUnderRocCurve,
        _ => context.MulticlassClassification.Evaluate(scored).MicroAccuracy,
    };

    /// <summary>The quality of each fold.</summary>
    internal double[] CrossValidate(MLContext context, IDataView data, AnyTrainer trainer, int folds) => Task switch
    {
        TrainerTask.Regression => [.. context.Regression.CrossValidate(data, trainer, folds).Select(r => r.Metrics.RSquared)],
        TrainerTask.Binary => [.. context.BinaryClassification.CrossValidate(data, trainer, folds).Select(r => r.Metrics.AreaUnderRocCurve)],
        _ => [.. context.MulticlassClassification.CrossValidate(data, trainer, folds).Select(r => r.Metrics.MicroAccuracy)],
    };

    /// <summary>Scores one row after another, by a prediction engine.</summary>
    internal Func<TrainerRow, float[]> Engine(MLContext context, ITransformer model)
    {
        if (Task == TrainerTask.Multiclass)
        {
            var ofClasses = context.Model.CreatePredictionEngine<TrainerRow, ClassScores>(model);
            return row => ofClasses.Predict(row).Score;
        }
        var engine = context.Model.CreatePredictionEngine<TrainerRow, TrainerScore>(model);
        return row => [engine.Predict(row).Score];
    }

    /// <summary>How much each feature matters: the fall of <see cref="Quality"/> when it is permuted, by the overload for a prediction transformer.</summary>
    internal double[] Importance(MLContext context, AnyModel model, IDataView data) => Task switch
    {
        TrainerTask.Regression => [.. context.Regression.PermutationFeatureImportance(model, data).Select(m => -m.RSquared.Mean)],
        TrainerTask.Binary => [.. context.BinaryClassification.PermutationFeatureImportance(model, data).Select(m => -m.AreaUnderRocCurve.Mean)],
        _ => [.. context.MulticlassClassification.PermutationFeatureImportance(model, data).Select(m => -m.MicroAccuracy.Mean)],
    };

    /// <summary>The same by the overload for any transformer, by the names of the features.</summary>
    internal IReadOnlyDictionary<string, double> ImportanceByName(MLContext context, ITransformer model, IDataView data) => Task switch
    {
        TrainerTask.Regression => context.Regression.PermutationFeatureImportance(model, data).ToDictionary(m => m.Key, m => -m.Value.RSquared.Mean),
        TrainerTask.Binary => context.BinaryClassification.PermutationFeatureImportanceNonCalibrated(model, data).ToDictionary(m => m.Key, m => -m.Value.AreaUnderRocCurve.Mean),
        _ => context.MulticlassClassification.PermutationFeatureImportance(model, data).ToDictionary(m => m.Key, m => -m.Value.MicroAccuracy.Mean),
    };

    /// <summary>The mean loss over rows, by the network in float64: squared error, log-loss or cross-entropy.</summary>
    internal double MeanLoss(Network network, TrainerRow[] rows)
    {
        Loss loss = Task switch { TrainerTask.Regression => RegressionLoss.Squared, TrainerTask.Binary => BinaryLoss.Logistic, _ => MulticlassLoss.CrossEntropy() };
        return rows.Average(row => LossReference.Of(loss, Float64.EvaluateAffine(network, row.Features), IsRegression ? row.Label : ClassOf(row)));
    }

    void IXunitSerializable.Deserialize(IXunitSerializationInfo info) =>
        (Network, Task, AddsColumns, Torch) = (info.GetValue<NetworkKind>(nameof(Network)), info.GetValue<TrainerTask>(nameof(Task)), info.GetValue<bool>(nameof(AddsColumns)), info.GetValue<bool>(nameof(Torch)));

    void IXunitSerializable.Serialize(IXunitSerializationInfo info)
    {
        info.AddValue(nameof(Network), Network);
        info.AddValue(nameof(Task), Task);
        info.AddValue(nameof(AddsColumns), AddsColumns);
        info.AddValue(nameof(Torch), Torch);
    }
}

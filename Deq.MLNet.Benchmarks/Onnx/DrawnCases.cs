using Deq.MLNet.Networks;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Benchmarks;

/// <summary>Small models of the six trainers with every activation, each in every form that it has and in every opset, on rows drawn anew from what they were trained on.</summary>
internal static class DrawnCases
{
    private const int Features = 4, Classes = 3, TrainingRows = 500;

    /// <summary>The rules, with the forms that are tried.</summary>
    private static readonly (WellPosedness Rule, OnnxForm[] Forms)[] Forms =
    [
        (WellPosedness.Spectral(0.9f), [OnnxForm.Unrolled, OnnxForm.UnrolledAnderson, OnnxForm.Loop]),
        (WellPosedness.Monotone(1), [OnnxForm.PeacemanRachford]),
        (WellPosedness.StrictlyTriangular, [OnnxForm.ForwardSubstitution]),
        (WellPosedness.InfinityNorm(0.9f), [OnnxForm.Auto]),
        (WellPosedness.Perron(0.9f), [OnnxForm.Auto]),
        (WellPosedness.Diagonal(0.9f), [OnnxForm.Auto]),
    ];

    private static readonly (string Name, Func<MLContext, WellPosedness, Activation, IEstimator<ITransformer>> Make)[] DeqTrainers =
    [
        ("deq regression", (ml, rule, phi) => ml.Regression.Trainers.Deq(Set(new DeqRegressionTrainer.Options(), nameof(Row.Value), rule, phi))),
        ("deq binary", (ml, rule, phi) => ml.BinaryClassification.Trainers.Deq(Set(new DeqBinaryTrainer.Options(), nameof(Row.IsHigh), rule, phi))),
        ("deq multiclass", (ml, rule, phi) => ml.MulticlassClassification.Trainers.Deq(Set(new DeqMulticlassTrainer.Options(), nameof(Row.Class), rule, phi))),
    ];

    private static readonly (string Name, Func<MLContext, Activation, IEstimator<ITransformer>> Make)[] FnnTrainers =
    [
        ("fnn regression", (ml, phi) => ml.Regression.Trainers.Fnn(Set(new FnnRegressionTrainer.Options(), nameof(Row.Value), phi))),
        ("fnn binary", (ml, phi) => ml.BinaryClassification.Trainers.Fnn(Set(new FnnBinaryTrainer.Options(), nameof(Row.IsHigh), phi))),
        ("fnn multiclass", (ml, phi) => ml.MulticlassClassification.Trainers.Fnn(Set(new FnnMulticlassTrainer.Options(), nameof(Row.Class), phi))),
    ];

    /// <summary>The agreement of each form.</summary>
    public static Dictionary<string, Agreement> Run(Effort effort, string? folder)
    {
        var ml = new MLContext(seed: 1);
        IDataView training = ml.Data.LoadFromEnumerable(Draw(1, TrainingRows)), unseen = ml.Data.LoadFromEnumerable(Draw(2, effort.IsQuick ? 1_000 : 10_000));
        var features = unseen.GetColumn<float[]>("Features").ToList();
        using var rows = new OrtColumns(unseen);
        int[] opsets = effort.IsQuick ? [13, 17, 21] : [.. Enumerable.Range(13, 9)];
        var agreements = new Dictionary<string, Agreement>();

        void Compare(string trainer, Activation activation, IEstimator<ITransformer> estimator, IEnumerable<OnnxForm> forms)
        {
            var model = estimator.Fit(training);
            var expected = Expected.Of(Exported.ModelOf(model), features);
            foreach (var (form, opset) in from form in forms from opset in opsets select (form, opset))
            {
                var agreement = new Agreement();
                var report = Exported.Compare(ml, model, training.Schema, new OnnxExportOptions { Form = form, Opset = opset, CalibrationData = form == OnnxForm.Loop ? training : null }, $"{trainer} {activation}", rows, expected, agreement, folder);
                var name = report.Form?.ToString() ?? "feed-forward";
                agreements.TryAdd(name, new Agreement());
                agreements[name].Add(agreement);
            }
        }

        foreach (var activation in Enum.GetValues<Activation>())
        {
            foreach (var (rule, forms) in Forms.Where(f => f.Rule is not MonotoneRule || activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity))
            {
                foreach (var (name, make) in DeqTrainers)
                {
                    Compare($"{name} {rule}", activation, make(ml, rule, activation), forms);
                }
            }
            foreach (var (name, make) in FnnTrainers)
            {
                Compare(name, activation, make(ml, activation), [OnnxForm.Auto]);
            }
        }
        return agreements;
    }

    private static T Set<T>(T options, string label, WellPosedness rule, Activation activation) where T : DeqTrainerOptions
    {
        (options.HiddenSize, options.WellPosedness, options.Activation) = (16, rule, activation);
        return Set(options, label);
    }

    private static T Set<T>(T options, string label, Activation activation) where T : FnnTrainerOptions
    {
        (options.HiddenSizes, options.Activation) = ([16, 16], activation);
        return Set(options, label);
    }

    private static T Set<T>(T options, string label) where T : NetworkTrainerOptions
    {
        (options.LabelColumnName, options.Epochs, options.LearningRate, options.Seed, options.Threads) = (label, 10, 1e-2f, 1, 1);
        return options;
    }

    private static List<Row> Draw(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var x = RandomCell.Values(random, Features, 1);
            var value = x[0] + MathF.Sin(2 * x[1]) + x[2] * x[3];
            return new Row { Features = x, Value = value, IsHigh = value > 0, Class = value < -0.7f ? 1u : value < 0.7f ? 2u : 3u };
        })];
    }

    private sealed class Row
    {
        [VectorType(DrawnCases.Features)]
        public float[] Features { get; set; } = [];

        public float Value { get; set; }

        public bool IsHigh { get; set; }

        [KeyType(Classes)]
        public uint Class { get; set; }
    }
}

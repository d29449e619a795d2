using Deq.MLNet;
using Microsoft.ML;
using Microsoft.ML.Data;

// Not within Deq.MLNet: an example must not see more than a stranger does.
namespace Stranger;

/// <summary>The README's examples beside its program, run on the rows of that program.</summary>
public sealed class ReadmeExamples : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-readme-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_examples_run()
    {
        var ml = new MLContext(seed: 1);
        IDataView houses = ml.Data.LoadFromEnumerable(House.Some(300));
        var encoded = ml.Transforms.Categorical.OneHotEncoding("Town").Append(ml.Transforms.Concatenate("Features", "Town", "Area", "Rooms"));
        var Console = new StringWriter(System.Globalization.CultureInfo.InvariantCulture);

        var trainer = ml.Regression.Trainers.Deq(new DeqRegressionTrainer.Options
        {
            LabelColumnName = "Price",
            HiddenSize = 16,
            WellPosedness = WellPosedness.Spectral(0.9f),
            Loss = RegressionLoss.Huber(delta: 20_000), // in units of the label: prices far off count little
            Optimizer = new AdamW(),
            WeightDecay = 0.1f, // few, noisy rows ask for more: 1 to 3
            LearningRate = 1e-2f,
            LearningRateSchedule = LearningRateSchedule.Cosine().WithWarmUp(0.1f),
            ValidationFraction = 0.2f,
            EarlyStopping = new EarlyStopping(patience: 10),
            SolveColumns = true, // adds Residual, Iterations and SolveStatus to every scored row
            OnEpoch = epoch => Console.WriteLine($"{epoch.Epoch}: {epoch.TrainingLoss:G4} {epoch.ValidationLoss:G4}"),
        });

        var model = encoded.Append(trainer).Fit(houses);
        model.Transform(houses).GetColumn<string>("SolveStatus").Should().OnlyContain(s => s == "Converged" || s == "AtPrecisionLimit");
        Console.ToString().Should().Contain("10: ");

        var byTown = ml.Transforms.Conversion.MapValueToKey("Label", "Town")
            .Append(ml.Transforms.Concatenate("Features", "Area", "Rooms", "Price"))
            .Append(ml.MulticlassClassification.Trainers.Deq(hiddenSize: 16, epochs: 30))
            .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var folds = ml.MulticlassClassification.CrossValidate(houses, byTown, numberOfFolds: 5);
        Console.WriteLine($"accuracy {folds.Average(fold => fold.Metrics.MicroAccuracy):P1}");

        folds.Average(fold => fold.Metrics.MicroAccuracy).Should().BeGreaterThan(0.75);
        Console.ToString().Should().Contain("accuracy ");

        OnnxExportReport report = ml.Model.SaveOnnx(model, houses.Schema, Path.Combine(_folder, "houses.onnx"));
        Console.WriteLine($"{report.Form}, {report.Steps} steps, off by {report.MaxError:G2} of the largest score at most");

        report.MaxError.Should().BeLessThanOrEqualTo(1e-5);
        Console.ToString().Should().Contain("Unrolled, ");

        float[] w = [0.5f, -0.25f, 0, 0.5f], u = [1, 0, 0, 1], b = [0, 0.5f], v = [1, 1], c = [0];
        var network = new DeqNetwork(w, u, b, v, c, Activation.ReLU); // z = relu(W z + U x + b), y = V z + c
        var y = new float[network.OutputSize];
        network.Evaluate([2, 2], new float[network.ScratchSize], y);
        Console.WriteLine($"y = {y[0]:F3}"); // z = (1.5, 5)

        Console.ToString().Should().Contain("y = 6.500");
    }

    /// <summary>Where there is no GPU the CPU trains, as the example allows.</summary>
    [Fact]
    public void The_example_of_the_page_on_gpus_runs()
    {
        var ml = new MLContext(seed: 1) { GpuDeviceId = 0, FallbackToCpu = true }; // before the trainer is made
        var onDevice = ml.Regression.Trainers.Deq(new DeqRegressionTrainer.Options
        {
            LabelColumnName = "Price",
            HiddenSize = 64,
            BatchSize = 4096, // a device wants large batches
            LearningRate = 1e-2f,
            MatmulPrecision = MatmulPrecision.TensorFloat32,
        });

        var houses = ml.Transforms.Concatenate("Features", "Area", "Rooms").Fit(ml.Data.LoadFromEnumerable(House.Some(300))).Transform(ml.Data.LoadFromEnumerable(House.Some(300)));
        var metrics = ml.Regression.Evaluate(onDevice.Fit(houses).Transform(houses), "Price");
        metrics.RSquared.Should().BeGreaterThan(0.5);
    }

    /// <summary>A cell of 8 states learns 16 linear pieces, which it does not find from random weights.</summary>
    [Fact]
    public void The_example_of_growth_runs()
    {
        var ml = new MLContext(seed: 1);
        IDataView Sawtooth(int k) => ml.Transforms.Concatenate("Features", "X").Fit(ml.Data.LoadFromEnumerable(Tent.Some(512, k))).Transform(ml.Data.LoadFromEnumerable(Tent.Some(512, k)));

        Network? network = null;
        for (var stage = 1; stage <= 4; stage++)
        {
            network = ml.Regression.Trainers.Deq(new DeqRegressionTrainer.Options
            {
                HiddenSize = 2 * stage,
                WellPosedness = WellPosedness.StrictlyTriangular,
                Optimizer = new LevenbergMarquardt(),
                Starts = new Starts(8, epochs: 25, finalists: 2, finalistEpochs: 60),
                Epochs = 145,
                InitialNetwork = network,
                Initialization = network is null ? Initialization.Kink() : Initialization.Cascade(),
                FrozenEpochs = network is null ? 0 : 85, // while starts are chosen, new units and read-out alone
            }).Fit(Sawtooth(stage)).Model.Network;
        }

        var scratch = new float[network!.ScratchSize];
        var y = new float[1];
        Tent.Some(1_000, 4).Average(row =>
        {
            network.Evaluate([row.X], scratch, y);
            return Math.Pow(y[0] - row.Label, 2);
        }).Should().BeLessThan(1e-4, "the best constant has 1/12");
    }

    /// <summary>The tent map on [0, 1] applied k times: 2^k linear pieces.</summary>
    private sealed class Tent
    {
        public float X { get; set; }
        public float Label { get; set; }

        public static IEnumerable<Tent> Some(int count, int k)
        {
            for (var i = 0; i < count; i++)
            {
                var x = (i + 0.5f) / count;
                yield return new Tent { X = x, Label = Enumerable.Range(0, k).Aggregate(x, (y, _) => 1 - Math.Abs(2 * y - 1)) };
            }
        }
    }

    /// <summary>As in the README's program.</summary>
    private sealed class House
    {
        public string Town { get; set; } = "";
        public float Area { get; set; }
        public float Rooms { get; set; }
        public float Price { get; set; }

        public static IEnumerable<House> Some(int count)
        {
            var random = new Random(1);
            for (var i = 0; i < count; i++)
            {
                var (inner, area) = (random.Next(2) == 0, random.Next(30, 200));
                var price = 1000f * area * (inner ? 3 : 2) + 200 * Math.Max(0, area - 120) * area / 10f;
                yield return new House { Town = inner ? "inner" : "outer", Area = area, Rooms = 1 + area / 30, Price = price };
            }
        }
    }
}

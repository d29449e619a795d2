using CsCheck;
using Deq.MLNet.Tests.Training.Torch.Gradients;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>Trainings whose rows are judged by operations of the device, on the CPU: the same as without, and as the managed engine's.</summary>
public sealed class DeviceTrainingTests
{
    private static readonly TrainingData Data = Setup.Smooth(200, 5), Validation = Setup.Smooth(60, 6);

    private static readonly TrainingSettings Settings = Setup.Settings(Setup.Deq(24, Activation.ReLU, WellPosedness.Spectral(0.8f), tolerance: 1e-5)) with { Epochs = 8, LearningRate = 3e-3 };

    /// <summary>In float64 what differs is how far rows are iterated beyond their tolerance.</summary>
    [Theory]
    [InlineData(ScalarType.Float64, 1e-10, 1e-6)]
    [InlineData(ScalarType.Float32, 1e-5, 2e-3)]
    public void Loss_and_weights_are_those_of_rows_judged_on_the_host(ScalarType type, double tolerance, double bound)
    {
        var settings = Settings with { Architecture = (DeqArchitecture)Settings.Architecture with { Tolerance = new Tolerance(tolerance) } };
        var (host, device) = (Fit(settings, type, judgesRows: false), Fit(settings, type, judgesRows: true));
        Compare(host, device, bound);
        device.History.Epochs.Should().OnlyContain(e => e.UnsolvedRows == 0 && e.UnsolvedGradientRows == 0 && e.WorstResidual <= tolerance);
    }

    [Fact]
    public void Loss_and_weights_are_those_of_the_managed_engine()
    {
        var simd = NetworkTraining.Fit(Settings, (scaled, start) => new SimdEngine(scaled, start), Setup.Copy(Data), Setup.Copy(Validation), null, new RecordingMonitor());
        Compare(simd, Fit(Settings, ScalarType.Float32, judgesRows: true), 2e-3);
    }

    /// <summary>Against the implicit function theorem in float64, solved by LU.</summary>
    [Fact]
    public void Gradients_are_within_1e_4_of_the_reference() => GradientCase.UpTo(12).Sample(c =>
    {
        TorchBackend.EnsureAvailable();
        using var engine = new TorchEngine(Setup.Settings(c.Architecture(new Implicit(), 1e-6)), c.Network, Place(ScalarType.Float32, judgesRows: true));
        engine.Attach(c.Data);
        engine.BeginEpoch(1);
        for (var repeat = 0; repeat < 2; repeat++)
        {
            Setup.RelativeDistance(engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]), c.Reference().Gradient(c.Parameters)).Should().BeLessThan(1e-4);
        }
    }, iter: LongForm.Times(40), threads: 1);

    /// <summary>What a solver remembers of the batches before it forgets where an epoch begins.</summary>
    [Theory]
    [InlineData(MatmulPrecision.Float32)]
    [InlineData(MatmulPrecision.BFloat16)]
    public void An_epoch_does_not_depend_on_the_ones_before(MatmulPrecision precision)
    {
        var settings = Settings with { MatmulPrecision = precision };
        using var whole = Engine(settings);
        Epoch(whole, 1);
        var (weights, optimizer) = (whole.ReadWeights(), whole.ReadOptimizer());
        Epoch(whole, 2);

        using var resumed = Engine(settings);
        resumed.LoadWeights(weights);
        resumed.LoadOptimizer(optimizer);
        Epoch(resumed, 2);

        resumed.ReadWeights().Should().Equal(whole.ReadWeights());
        resumed.ReadWeights().Should().NotEqual(weights);
    }

    private static void Epoch(TorchEngine engine, int epoch)
    {
        engine.BeginEpoch(epoch);
        engine.Order([.. Enumerable.Range(0, Data.Rows).Select(i => i * 7 * epoch % Data.Rows)]);
        for (var start = 0; start < Data.Rows; start += 40)
        {
            engine.Step(start, 40, 3e-3);
        }
        engine.Evaluate(Validation, () => { });
        engine.ReadMetrics();
    }

    private static TorchEngine Engine(TrainingSettings settings)
    {
        TorchBackend.EnsureAvailable();
        var start = settings.Architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1));
        var engine = new TorchEngine(settings, start, Place(ScalarType.Float32, judgesRows: true));
        engine.Attach(Setup.Copy(Data));
        return engine;
    }

    private static void Compare(TrainedNetwork expected, TrainedNetwork actual, double bound)
    {
        foreach (var (wanted, got) in expected.History.Epochs.Zip(actual.History.Epochs))
        {
            got.TrainingLoss.Should().BeApproximately(wanted.TrainingLoss, bound * wanted.TrainingLoss);
            got.ValidationLoss!.Value.Should().BeApproximately(wanted.ValidationLoss!.Value, bound * wanted.ValidationLoss.Value);
        }
        expected.History.Epochs[^1].TrainingLoss.Should().BeLessThan(0.8 * expected.History.Epochs[0].TrainingLoss, "something is learned");
        Setup.RelativeDistance(Linear.ToDouble(((DeqNetwork)actual.Network).Weights()), Linear.ToDouble(((DeqNetwork)expected.Network).Weights())).Should().BeLessThan(bound);
    }

    private static TrainedNetwork Fit(TrainingSettings settings, ScalarType type, bool judgesRows)
    {
        TorchBackend.EnsureAvailable();
        return NetworkTraining.Fit(settings, (scaled, start) => new TorchEngine(scaled, start, Place(type, judgesRows)), Setup.Copy(Data), Setup.Copy(Validation), null, new RecordingMonitor());
    }

    private static TensorPlace Place(ScalarType type, bool judgesRows) => new(CPU, type) { JudgesRows = judgesRows };
}

using Deq.MLNet.Tests.Training;
using Deq.MLNet.Training;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>The option Engine: which one trains, what is refused, and that they agree.</summary>
public sealed class EngineTests : StoppedTraining
{
    /// <summary>What Simd does not do, and how a message names it with the way out.</summary>
    private static readonly Dictionary<string, (Action<DeqTrainerOptions> Set, string Named, string Change)> OfTorchAlone = new()
    {
        ["Cell"] = (o => o.Cell = DeqCell.LayerNormalized, "Cell is LayerNormalized", "Cell to Dense"),
        ["Monotone"] = (o => o.WellPosedness = WellPosedness.Monotone(0.5f), "WellPosedness is Monotone(0.5)", "WellPosedness to Spectral"),
        ["Newton"] = (o => o.Solver = new Newton(), "Solver is Newton", "Solver to Auto"),
        ["Broyden"] = (o => o.Solver = new Broyden(), "Solver is Broyden", "Solver to Auto"),
        ["GradientSolver"] = (o => o.GradientSolver = new Broyden(), "GradientSolver is Broyden", "GradientSolver to Auto"),
        ["Unrolled"] = (o => o.Gradient = new Unrolled(3), "Gradient is Unrolled", "Gradient to Implicit"),
        ["JacobianPenalty"] = (o => o.JacobianPenalty = new JacobianPenalty(0.5f), "JacobianPenalty is *0.5*", "JacobianPenalty to null"),
        ["FixedPointCorrection"] = (o => o.FixedPointCorrection = new FixedPointCorrection(), "FixedPointCorrection is *", "FixedPointCorrection to null"),
    };

    /// <summary>What Simd does of what has alternatives.</summary>
    private static readonly Dictionary<string, Action<DeqTrainerOptions>> OfBoth = new()
    {
        ["Picard"] = o => (o.Solver, o.GradientSolver) = (new Picard(0.8f), new Picard(0.8f)),
        ["Anderson"] = o => (o.Solver, o.GradientSolver) = (new Anderson(), new Anderson()),
        ["StrictlyTriangular"] = o => o.WellPosedness = WellPosedness.StrictlyTriangular,
        ["Diagonal"] = o => o.WellPosedness = WellPosedness.Diagonal(),
        ["InfinityNorm"] = o => o.WellPosedness = WellPosedness.InfinityNorm(),
        ["Perron"] = o => o.WellPosedness = WellPosedness.Perron(),
        ["None"] = o => o.WellPosedness = WellPosedness.None,
        ["Phantom"] = o => o.Gradient = new Phantom(),
        ["OneStep"] = o => o.Gradient = new OneStep(),
        ["Tanh"] = o => o.Activation = Activation.Tanh,
        ["GELU"] = o => o.Activation = Activation.GELU,
        ["Softplus"] = o => o.Activation = Activation.Softplus,
        ["WarmStart"] = o => o.WarmStart = true,
        ["parts"] = o => (o.SkipConnection, o.EncoderSizes) = (true, [5]),
    };

    public static TheoryData<string> NamesOfTorchAlone => [.. OfTorchAlone.Keys];

    public static TheoryData<string> NamesOfBoth => [.. OfBoth.Keys];

    [Theory, AllTrainers]
    public void The_history_and_the_log_tell_which_engine_trained_and_all_train_the_same(TrainerCase trainer)
    {
        var models = new Dictionary<Engine, AnyModel>();
        foreach (var engine in Enum.GetValues<Engine>())
        {
            var context = new MLContext(1);
            var log = new TrainerLog(context);
            models[engine] = trainer.Trainer(context, o => (o.Engine, o.Optimizer) = (engine, new Sgd())).Fit(trainer.View(context));
            var trained = engine == Engine.Auto ? Engine.Simd : engine;
            models[engine].Model.History.Engine.Should().Be(trained);
            log.Infos.Should().ContainSingle(m => m.StartsWith($"Training with {trained} on cpu:"));
        }
        var expected = models[Engine.Torch].Scores(Rows(50, 2));
        models[Engine.Simd].Scores(Rows(50, 2)).LargestDifference(expected).Should().BeLessThan(1e-3 * expected.Max(Math.Abs));
        models[Engine.Direct].Scores(Rows(50, 2)).LargestDifference(expected).Should().BeLessThan(1e-3 * expected.Max(Math.Abs));
        models[Engine.Auto].Scores(Rows(50, 2)).Bits().Should().Equal(models[Engine.Simd].Scores(Rows(50, 2)).Bits());
        models[Engine.Torch].Model.Network.Weights().Bits().Should().NotEqual(models[Engine.Simd].Model.Network.Weights().Bits(), "an engine that is asked for does the work");
    }

    [Theory, MemberData(nameof(NamesOfBoth))]
    public void Options_that_both_do_train_the_same(string name)
    {
        float[] Scores(Engine engine) => TrainerCase.Deq.Fit(o =>
        {
            (o.Engine, o.Optimizer) = (engine, new Sgd());
            OfBoth[name]((DeqTrainerOptions)o);
        }).Scores(Rows(50, 2));
        var expected = Scores(Engine.Torch);
        Scores(Engine.Simd).LargestDifference(expected).Should().BeLessThan(2e-3 * expected.Max(Math.Abs));
    }

    [Theory, MemberData(nameof(NamesOfTorchAlone))]
    public void What_Simd_does_not_do_it_refuses_and_Auto_trains_with_Torch(string name)
    {
        var (set, named, change) = OfTorchAlone[name];
        FluentActions.Invoking(() => TrainerCase.Deq.Trainer(new MLContext(1), o =>
        {
            o.Engine = Engine.Simd;
            set((DeqTrainerOptions)o);
        })).Should().Throw<ArgumentException>().WithMessage($"Engine is Simd, and {named}, which Simd does not do. Set Engine to Torch, or {change}.*");
        TrainerCase.Deq.Fit(o =>
        {
            o.Epochs = 1;
            set((DeqTrainerOptions)o);
        }).Model.History.Engine.Should().Be(Engine.Torch);
    }

    [Theory]
    [InlineData(2048, Engine.Simd)]
    [InlineData(2049, Engine.Torch)]
    public void Auto_goes_by_the_largest_layer(int size, Engine expected)
    {
        // The rule of so many states would take longer than the rest.
        EngineChoice.PrefersSimd(Setup.Deq(size)).Should().Be(expected == Engine.Simd);
        void Set(NetworkTrainerOptions o) => (o.Epochs, o.BatchSize) = (1, 20);
        TrainerCase.Deq.Fit(o =>
        {
            Set(o);
            (((DeqTrainerOptions)o).HiddenSize, ((DeqTrainerOptions)o).EncoderSizes) = (8, [5, size]);
        }, Rows(20)).Model.History.Engine.Should().Be(expected);
        TrainerCase.Fnn.Fit(o =>
        {
            Set(o);
            ((FnnTrainerOptions)o).HiddenSizes = [size, 5];
        }, Rows(20)).Model.History.Engine.Should().Be(expected);
    }

    [Fact]
    public void Simd_trains_on_the_CPU_whatever_the_context_and_refuses_another_device()
    {
        var context = new MLContext(1) { GpuDeviceId = 0, FallbackToCpu = false };
        var log = new TrainerLog(context);
        TrainerCase.Fnn.Trainer(context, o => o.Engine = Engine.Simd).Fit(TrainerCase.Fnn.View(context)).Model.History.Should().Match<TrainingHistory>(h => h.Device == "cpu" && h.Engine == Engine.Simd);
        log.Infos.Should().ContainSingle(m => m == "Engine is Simd, which trains on the CPU: MLContext.GpuDeviceId 0 is of no effect.");
        foreach (var trainer in TrainerCase.All)
        {
            FluentActions.Invoking(() => trainer.Trainer(new MLContext(1), o => (o.Engine, o.Device) = (Engine.Simd, "cuda:0"))).Should().Throw<ArgumentException>()
                .WithMessage("Engine is Simd, which trains on the CPU, and Device is \"cuda:0\". Set Engine to Torch, or Device to \"cpu\".*");
            FluentActions.Invoking(() => trainer.Trainer(new MLContext(1), o => o.Engine = (Engine)7)).Should().Throw<ArgumentException>().WithMessage("Engine is 7; it must be one of Auto, Torch, Simd, Direct.*");
        }
    }

    [Theory]
    [InlineData(Engine.Simd, MatmulPrecision.Float32, null)]
    [InlineData(Engine.Simd, MatmulPrecision.TensorFloat32, "Simd trains, in float32: MatmulPrecision TensorFloat32 is of no effect.")]
    [InlineData(Engine.Auto, MatmulPrecision.BFloat16, "Simd trains, in float32: MatmulPrecision BFloat16 is of no effect.")]
    [InlineData(Engine.Torch, MatmulPrecision.Float32, null)]
    [InlineData(Engine.Torch, MatmulPrecision.TensorFloat32, "Torch trains on the CPU, in float32: MatmulPrecision TensorFloat32 is of no effect.")]
    [InlineData(Engine.Torch, MatmulPrecision.BFloat16, null)]
    public void A_precision_that_the_engine_does_not_have_is_told(Engine engine, MatmulPrecision precision, string? told)
    {
        var context = new MLContext(1);
        var log = new TrainerLog(context);
        TrainerCase.Deq.Trainer(context, o => (o.Engine, o.Epochs, o.MatmulPrecision) = (engine, 1, precision)).Fit(TrainerCase.Deq.View(context));

        log.Infos.Where(m => m.Contains(nameof(MatmulPrecision))).Should().Equal(told is null ? [] : [told]);
    }

    /// <summary>Weights, moments and kept states stand in one order, whatever the engine.</summary>
    [Theory, BothTrainers]
    public void A_training_goes_on_with_the_other_engine(TrainerCase trainer)
    {
        void Set(NetworkTrainerOptions o, Engine engine)
        {
            (o.Engine, o.Epochs) = (engine, 6);
            if (o is DeqTrainerOptions deq)
            {
                deq.WarmStart = true;
            }
        }
        var expected = trainer.Fit(o => Set(o, Engine.Simd)).Scores(Rows(50, 2));
        foreach (var (first, then) in new[] { (Engine.Simd, Engine.Torch), (Engine.Torch, Engine.Simd) })
        {
            File.Delete(Path);
            Stop(trainer, o => Set(o, first), 3);
            var resumed = trainer.Fit(o =>
            {
                Set(o, then);
                o.Checkpoint = new Checkpoint(Path);
            });
            resumed.Model.History.Should().Match<TrainingHistory>(h => h.Engine == then && h.Epochs.Count == 6);
            resumed.Scores(Rows(50, 2)).LargestDifference(expected).Should().BeLessThan(1e-2 * expected.Max(Math.Abs));
        }
    }
}

using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>The engine Direct and the optimizers that need it, through the trainers: what trains, what is refused.</summary>
public sealed class FullBatchTests : StoppedTraining
{
    private static readonly Dictionary<string, Func<Optimizer>> Optimizers = new()
    {
        [nameof(LevenbergMarquardt)] = () => new LevenbergMarquardt(),
        [nameof(LBfgs)] = () => new LBfgs(),
        [nameof(Adam)] = () => new Adam(),
        [nameof(AdamW)] = () => new AdamW(),
        [nameof(Sgd)] = () => new Sgd(),
    };

    /// <summary>What Direct does not do, and how a message names it with the way out.</summary>
    private static readonly Dictionary<string, (Action<NetworkTrainerOptions> Set, string Named, string Change)> Obstacles = new()
    {
        ["Cell"] = (o => ((DeqTrainerOptions)o).Cell = DeqCell.LayerNormalized, "Cell is LayerNormalized", "Cell to Dense"),
        ["Monotone"] = (o => ((DeqTrainerOptions)o).WellPosedness = WellPosedness.Monotone(0.5f), "WellPosedness is Monotone(0.5)", "WellPosedness to Spectral"),
        ["Phantom"] = (o => ((DeqTrainerOptions)o).Gradient = new Phantom(), "Gradient is Phantom", "Gradient to Implicit"),
        ["OneStep"] = (o => ((DeqTrainerOptions)o).Gradient = new OneStep(), "Gradient is OneStep", "Gradient to Implicit"),
        ["Unrolled"] = (o => ((DeqTrainerOptions)o).Gradient = new Unrolled(3), "Gradient is Unrolled", "Gradient to Implicit"),
        ["JacobianPenalty"] = (o => ((DeqTrainerOptions)o).JacobianPenalty = new JacobianPenalty(0.5f), "JacobianPenalty is *0.5*", "JacobianPenalty to null"),
        ["FixedPointCorrection"] = (o => ((DeqTrainerOptions)o).FixedPointCorrection = new FixedPointCorrection(), "FixedPointCorrection is *", "FixedPointCorrection to null"),
        ["WarmStart"] = (o => ((DeqTrainerOptions)o).WarmStart = true, "WarmStart is true", "WarmStart to false"),
        ["Dropout"] = (o => ((DeqTrainerOptions)o).Dropout = 0.25f, "Dropout is 0.25", "Dropout to 0"),
    };

    public static TheoryData<string> OptimizerNames => [.. Optimizers.Keys];

    public static TheoryData<string> ObstacleNames => [.. Obstacles.Keys];

    public static TheoryData<string> FullBatchNames => [nameof(LevenbergMarquardt), nameof(LBfgs)];

    [Theory, MemberData(nameof(OptimizerNames))]
    public void Every_optimizer_trains_every_trainer_that_has_its_loss(string name)
    {
        foreach (var trainer in TrainerCase.All.Where(t => name != nameof(LevenbergMarquardt) || t.IsRegression))
        {
            var context = new MLContext(1);
            var model = trainer.Trainer(context, o => (o.Optimizer, o.Engine, o.Epochs) = (Optimizers[name](), Engine.Direct, 15)).Fit(trainer.View(context));

            model.Model.History.Should().Match<TrainingHistory>(h => h.Engine == Engine.Direct && h.Device == "cpu" && h.Epochs.Count == 15);
            model.Model.History.Epochs[^1].TrainingLoss.Should().BeLessThan(model.Model.History.Epochs[0].TrainingLoss);
            if (Optimizers[name]().IsFullBatch)
            {
                trainer.Quality(context, model.Transform(trainer.View(context, Rows(200, 2)))).Should().BeGreaterThan(0.9);
            }
        }
    }

    [Theory, MemberData(nameof(FullBatchNames))]
    public void Auto_takes_Direct_and_an_epoch_is_one_step_over_all_rows(string name)
    {
        void Set(NetworkTrainerOptions o, int size, float rate, bool shuffle) => (o.Optimizer, o.BatchSize, o.LearningRate, o.Shuffle) = (Optimizers[name](), size, rate, shuffle);
        foreach (var trainer in new[] { TrainerCase.Deq, TrainerCase.Fnn })
        {
            var one = trainer.Fit(o => Set(o, 32, 1e-3f, true));
            one.Model.History.Engine.Should().Be(Engine.Direct);
            trainer.Fit(o => Set(o, 7, 1, false)).Model.Network.Weights().Should().Equal(one.Model.Network.Weights(), "BatchSize, LearningRate and Shuffle are of no effect");
        }
    }

    [Fact]
    public void The_damping_and_the_memory_are_options_that_change_the_steps()
    {
        float[] Weights(Optimizer optimizer) => TrainerCase.Deq.Fit(o => (o.Optimizer, o.Epochs) = (optimizer, 8)).Model.Network.Weights();
        var weights = new[] { new LevenbergMarquardt(), new LevenbergMarquardt(damping: 1), new LevenbergMarquardt(decrease: 10), new LBfgs(1), new LBfgs(), (Optimizer)new Adam() }.Select(Weights).ToArray();
        weights.SelectMany((a, i) => weights.Skip(i + 1).Select(b => a.SequenceEqual(b))).Should().NotContain(true);
        // Every step of these lowers the loss: what one that does not asks for is of no effect.
        Weights(new LevenbergMarquardt(1e-9f, 3, 9)).Should().NotEqual(Weights(new LevenbergMarquardt(1e-9f, 3, 2)));
    }

    [Theory, MemberData(nameof(FullBatchNames))]
    public void Other_engines_and_devices_are_refused(string name)
    {
        foreach (var trainer in new[] { TrainerCase.Deq, TrainerCase.Fnn })
        {
            ArgumentException Refused(Action<NetworkTrainerOptions> set) => FluentActions.Invoking(() => trainer.Trainer(new MLContext(1), o =>
            {
                o.Optimizer = Optimizers[name]();
                set(o);
            })).Should().Throw<ArgumentException>().Which;

            foreach (var engine in new[] { Engine.Torch, Engine.Simd })
            {
                Refused(o => o.Engine = engine).Message.Should().StartWith($"Optimizer is {name}, and Engine is {engine}, which does not do it. Set Engine to Direct, or Optimizer to Adam.");
            }
            Refused(o => o.Device = "cuda:0").Message.Should().StartWith($"Optimizer is {name}, which Engine Direct does on the CPU, and Device is \"cuda:0\". Set Optimizer to Adam, or Device to \"cpu\".");
            Refused(o => (o.Engine, o.Device) = (Engine.Direct, "cuda:0")).Message.Should().StartWith("Engine is Direct, which trains on the CPU, and Device is \"cuda:0\". Set Device to \"cpu\".");
            Refused(o => o.GradientClip = 1).Message.Should().StartWith($"GradientClip is 1, and Optimizer is {name}, which chooses the length of its steps. Set GradientClip to null, or Optimizer to Adam.");
        }
    }

    [Fact]
    public void Levenberg_and_Marquardt_are_for_the_squared_loss()
    {
        foreach (var (trainer, loss, ways) in new (TrainerCase, Loss, string)[]
        {
            (TrainerCase.Of(NetworkKind.Deq, TrainerTask.Regression), RegressionLoss.Absolute, "LBfgs, or Loss to Squared"), (TrainerCase.Of(NetworkKind.Fnn, TrainerTask.Binary), BinaryLoss.Logistic, "LBfgs"),
            (TrainerCase.Of(NetworkKind.Deq, TrainerTask.Multiclass), MulticlassLoss.CrossEntropy(), "LBfgs"),
        })
        {
            FluentActions.Invoking(() => trainer.Trainer(new MLContext(1), o =>
            {
                o.Optimizer = new LevenbergMarquardt();
                TrainerCase.SetLoss(o, loss);
            })).Should().Throw<ArgumentException>().WithMessage($"Optimizer is LevenbergMarquardt, which is for the squared loss, and Loss is {loss}*. Set Optimizer to {ways}. (Parameter*");
        }
    }

    [Theory, MemberData(nameof(ObstacleNames))]
    public void What_Direct_does_not_do_it_refuses(string name)
    {
        var (set, named, change) = Obstacles[name];
        void Refused(Action<NetworkTrainerOptions> other, string message) => FluentActions.Invoking(() => TrainerCase.Deq.Trainer(new MLContext(1), o =>
        {
            other(o);
            set(o);
        })).Should().Throw<ArgumentException>().WithMessage(message);

        Refused(o => o.Engine = Engine.Direct, $"Engine is Direct, and {named}, which Direct does not do. Set Engine to Torch, or {change}.*");
        Refused(o => o.Optimizer = new LBfgs(), $"Optimizer is LBfgs, which Engine Direct does, and {named}, which Direct does not do. Set Optimizer to Adam, or {change}.*");
        Refused(o => (o.Optimizer, o.Engine) = (new LBfgs(), Engine.Direct), $"Engine is Direct, and {named}, which Direct does not do. Set {change}.*");
        Refused(o => (o.FrozenEpochs, o.Engine) = (2, Engine.Direct), $"Engine is Direct, and {named}, which Direct does not do. Set {change}.*");
        Refused(o => o.FrozenEpochs = 2, $"FrozenEpochs is 2, which Engine Direct does, and {named}, which Direct does not do. Set FrozenEpochs to 0, or {change}.*");
        Refused(o => (o.FrozenEpochs, o.Optimizer) = (2, new LBfgs()), $"Optimizer is LBfgs, which Engine Direct does, and {named}, which Direct does not do. Set {change}.*");
    }

    [Fact]
    public void Dropout_of_layers_is_refused() => FluentActions.Invoking(() => TrainerCase.Fnn.Trainer(new MLContext(1), o => (o.Engine, ((FnnTrainerOptions)o).Dropout) = (Engine.Direct, 0.5f)))
        .Should().Throw<ArgumentException>().WithMessage("Engine is Direct, and Dropout is 0.5, which Direct does not do. Set Engine to Torch, or Dropout to 0.*");

    [Theory]
    [InlineData(Engine.Simd)]
    [InlineData(Engine.Torch)]
    public void FrozenEpochs_need_Direct(Engine engine) => FluentActions.Invoking(() => TrainerCase.Deq.Trainer(new MLContext(1), o => (o.FrozenEpochs, o.Engine) = (2, engine)))
        .Should().Throw<ArgumentException>().WithMessage($"FrozenEpochs is 2, and Engine is {engine}: only Direct keeps units as they are. Set Engine to Direct, or FrozenEpochs to 0.*");

    [Theory, MemberData(nameof(FullBatchNames))]
    public void A_training_that_was_stopped_goes_on_to_the_same_bits(string name)
    {
        foreach (var trainer in new[] { TrainerCase.Deq, TrainerCase.Fnn })
        {
            File.Delete(Path);
            void Set(NetworkTrainerOptions o) => (o.Optimizer, o.Epochs) = (Optimizers[name](), 9);
            var whole = trainer.Fit(Set);
            Stop(trainer, Set, 4);
            var resumed = trainer.Fit(o =>
            {
                Set(o);
                o.Checkpoint = new Checkpoint(Path);
            });
            resumed.Model.Network.Weights().Bits().Should().Equal(whole.Model.Network.Weights().Bits());
            resumed.Model.History.Epochs.Select(e => e.TrainingLoss).Should().Equal(whole.Model.History.Epochs.Select(e => e.TrainingLoss));
        }
    }

    [Fact]
    public void A_checkpoint_of_another_engine_is_of_another_training()
    {
        void Refused(Engine began, Engine goesOn, string difference)
        {
            File.Delete(Path);
            Stop(TrainerCase.Deq, o => o.Engine = began, 2);
            FluentActions.Invoking(() => TrainerCase.Deq.Fit(o => (o.Engine, o.Checkpoint) = (goesOn, new Checkpoint(Path)))).Should().ThrowExactly<DeqException>()
                .WithMessage($"The checkpoint {Path} is of another training, which differs in {difference}. Delete the file*");
        }
        Refused(Engine.Simd, Engine.Direct, "Engine (Direct now, Torch or Simd in the file)");
        Refused(Engine.Direct, Engine.Simd, "Engine (Torch or Simd now, Direct in the file)");
    }

    [Fact]
    public void FrozenEpochs_keep_the_units_of_the_network_given()
    {
        foreach (var trainer in new[] { TrainerCase.Deq, TrainerCase.Fnn })
        {
            var small = trainer.Fit(o => SetSize(o, 3)).Model.Network;
            Network Grown(int frozen) => trainer.Fit(o => (o.InitialNetwork, o.FrozenEpochs, o.Epochs, o.Optimizer, o.NormalizeFeatures, o.NormalizeLabel) = (small, frozen, 4, new LevenbergMarquardt(), false, false)).Model.Network;

            var (frozen, free) = (Grown(4), Grown(0));

            trainer.Fit(o => (o.InitialNetwork, o.FrozenEpochs) = (small, 2)).Model.History.Engine.Should().Be(Engine.Direct, "Auto is what FrozenEpochs needs");
            frozen.Weights().Should().NotEqual(free.Weights());
            FirstUnits(frozen, 3).Should().Equal(FirstUnits(small, 3));
            FirstUnits(free, 3).Should().NotEqual(FirstUnits(small, 3));
            Grown(2).Weights().Should().NotEqual(frozen.Weights());
        }
    }

    private static void SetSize(NetworkTrainerOptions options, int size)
    {
        switch (options)
        {
            case DeqTrainerOptions deq:
                deq.HiddenSize = size;
                break;
            case FnnTrainerOptions fnn:
                fnn.HiddenSizes = [size];
                break;
        }
        (options.NormalizeFeatures, options.NormalizeLabel) = (false, false);
    }

    /// <summary>What the first units read, but for the units behind them, and their biases.</summary>
    private static IEnumerable<float> FirstUnits(Network network, int units) => network switch
    {
        DeqNetwork deq => [.. deq.W.ToArray().Chunk(deq.StateSize).Take(units).SelectMany(row => row.Take(units)), .. deq.U.ToArray().Take(units * FeatureCount), .. deq.B.ToArray().Take(units)],
        FnnNetwork fnn => [.. fnn.Layers[0].Weights.ToArray().Take(units * FeatureCount), .. fnn.Layers[0].Bias.ToArray().Take(units)],
        _ => throw new NotSupportedException(),
    };

    /// <summary>The damping, or pairs in float64, of the one that is chosen go with it; also where starts are perturbed or grown, and units frozen.</summary>
    [Theory, MemberData(nameof(FullBatchNames))]
    public void Of_several_starts_the_chosen_one_goes_on_and_may_be_stopped(string name)
    {
        var given = TrainerCase.Deq.Fit().Model.Network;
        var small = TrainerCase.Deq.Fit(o => SetSize(o, 3)).Model.Network;
        var others = 0;
        foreach (var set in new Action<NetworkTrainerOptions>[]
        {
            o => o.Starts = new Starts(6, 2, 2, 2),
            o => (o.Starts, o.InitialNetwork) = (new Starts(6, 3, perturbation: 0.3f), given),
            o => (o.Starts, o.InitialNetwork, o.FrozenEpochs) = (new Starts(6, 2, 2, 2), small, 6),
        })
        {
            File.Delete(Path);
            void Set(NetworkTrainerOptions o)
            {
                (o.Optimizer, o.Epochs) = (Optimizers[name](), 9);
                set(o);
            }
            var whole = TrainerCase.Deq.Fit(Set).Model;
            Stop(TrainerCase.Deq, Set, 7);

            var resumed = TrainerCase.Deq.Fit(o =>
            {
                Set(o);
                o.Checkpoint = new Checkpoint(Path);
            }).Model;

            resumed.Network.Weights().Bits().Should().Equal(whole.Network.Weights().Bits());
            resumed.History.Epochs.Select(e => e.TrainingLoss).Should().Equal(whole.History.Epochs.Select(e => e.TrainingLoss)).And.BeInDescendingOrder();
            others += whole.Network.Weights().SequenceEqual(TrainerCase.Deq.Fit(o =>
            {
                Set(o);
                o.Starts = null;
            }).Model.Network.Weights()) ? 0 : 1;
        }
        others.Should().BePositive("the first of six starts is not always the best");
    }

    [Fact]
    public void A_precision_of_products_is_of_no_effect_and_told()
    {
        var context = new MLContext(1);
        var log = new TrainerLog(context);
        TrainerCase.Deq.Trainer(context, o => (o.Engine, o.Epochs, o.MatmulPrecision) = (Engine.Direct, 1, MatmulPrecision.BFloat16)).Fit(TrainerCase.Deq.View(context));
        log.Infos.Where(m => m.Contains(nameof(MatmulPrecision))).Should().Equal("Direct trains, in float64: MatmulPrecision BFloat16 is of no effect.");
    }
}

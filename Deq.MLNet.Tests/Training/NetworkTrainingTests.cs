using Deq.MLNet.Tests.Onnx;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Direct;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training;

public sealed class NetworkTrainingTests
{
    private static AnyArchitecture Make(string kind) => kind switch
    {
        "deq" => Setup.Deq(8, Activation.ReLU),
        "linear" => Setup.Fnn(),
        _ => new FnnArchitecture([8], Activation.ReLU, 0.1f),
    };

    public static TheoryData<string, string> Kinds()
    {
        var all = new TheoryData<string, string>();
        foreach (var device in TrainingDevices.Names)
        {
            all.Add(device, "deq");
            all.Add(device, "fnn");
        }
        return all;
    }

    [Theory, AmongDevices]
    [MemberData(nameof(Kinds))]
    public void The_same_seed_gives_the_same_weights_bit_for_bit(string device, string kind)
    {
        var settings = Setup.Settings(Make(kind)) with { Epochs = 3, ValidationFraction = 0.1f };
        float[] Weights(int seed) => Setup.Fit(settings with { Seed = seed }, Setup.Smooth(100, 1), device).Network.Weights();

        Weights(1).Should().Equal(Weights(1));
        Weights(2).Should().NotEqual(Weights(1));
    }

    [Theory, AmongDevices]
    [MemberData(nameof(Kinds))]
    public void The_network_on_raw_rows_is_what_the_engine_sees_on_standardised_rows(string device, string kind)
    {
        var data = Setup.Smooth(200, 2, x => 50 * x + 300, y => 7 * y - 40, weighted: true);
        var settings = Setup.Settings(Make(kind)) with { Epochs = 20 };
        var validation = Setup.Smooth(50, 3, x => 50 * x + 300, y => 7 * y - 40);

        var trained = Setup.Fit(settings, data, device, validation);

        var error = Setup.Outputs(trained.Network, validation).Zip(validation.Targets, (y, t) => ((double)y - t) * ((double)y - t)).Average();
        error.Should().BeApproximately(trained.History.Epochs[^1].ValidationLoss!.Value, 1e-3 * error);
        trained.History.Device.Should().Be(device);
    }

    [Theory]
    [InlineData("deq")]
    [InlineData("linear")]
    public void A_weight_of_2_is_a_row_given_twice(string kind)
    {
        var data = Setup.Smooth(40, 4);
        var settings = Setup.Settings(Make(kind)) with { Epochs = 20, BatchSize = int.MaxValue, Optimizer = new Sgd(), LearningRate = 0.05 };
        var weights = Enumerable.Range(0, 40).Select(r => r < 10 ? 2f : 1).ToArray();
        int[] twice = [.. Enumerable.Range(0, 40), .. Enumerable.Range(0, 10)];

        var weighted = Setup.Outputs(Setup.Fit(settings, data with { Weights = weights }).Network, data);
        var doubled = Setup.Outputs(Setup.Fit(settings, data.Select(twice)).Network, data);
        var plain = Setup.Outputs(Setup.Fit(settings, data).Network, data);

        weighted.LargestDifference(doubled).Should().BeLessThan(2e-5);
        weighted.LargestDifference(plain).Should().BeGreaterThan(1e-2);
    }

    [Theory]
    [InlineData("deq", 1e30f, 1f)]
    [InlineData("deq", 1e-30f, 1f)]
    [InlineData("deq", 1f, 1e30f)]
    [InlineData("deq", 1f, 1e-30f)]
    [InlineData("deq", 1e30f, 1e-30f)]
    [InlineData("deq", 1e-30f, 1e30f)]
    [InlineData("fnn", 1e30f, 1e30f)]
    [InlineData("fnn", 1e-30f, 1e-30f)]
    [InlineData("linear", 1e30f, 1e30f)]
    [InlineData("linear", 1e-30f, 1e-30f)]
    public void Huge_and_tiny_units_train_as_plain_ones_do(string kind, float feature, float label)
    {
        var settings = Setup.Settings(Make(kind)) with { Epochs = 30 };
        var plain = Setup.Fit(settings, Setup.Smooth(128, 5));
        var data = Setup.Smooth(128, 5, x => x * feature, y => y * label);

        var trained = Setup.Fit(settings, data);

        trained.Network.Weights().Should().OnlyContain(w => float.IsFinite(w));
        trained.History.Epochs[^1].TrainingLoss.Should().BeLessThan(trained.History.Epochs[0].TrainingLoss);
        Setup.RSquared(trained.Network, data).Should().BeApproximately(Setup.RSquared(plain.Network, Setup.Smooth(128, 5)), 0.02);
    }

    [Theory]
    [InlineData("deq")]
    [InlineData("fnn")]
    public void Without_standardisation_huge_units_give_finite_weights_or_say_that_they_diverge(string kind)
    {
        foreach (var (feature, label) in new[] { (1e30f, 1f), (1f, 1e30f), (1e-30f, 1f), (1f, 1e-30f) })
        {
            var settings = Setup.Settings(Make(kind)) with { NormalizeFeatures = false, NormalizeTargets = false, Epochs = 3 };
            try
            {
                Setup.Fit(settings, Setup.Smooth(64, 6, x => x * feature, y => y * label)).Network.Weights().Should().OnlyContain(w => float.IsFinite(w));
            }
            catch (DivergenceException divergence)
            {
                divergence.Message.Should().Contain("epoch 1");
            }
        }
    }

    [Theory]
    [InlineData("deq", 1e30f)]
    [InlineData("fnn", 1e30f)]
    [InlineData("deq", 3f)]
    [InlineData("fnn", 0.001f)]
    public void A_constant_label_is_right_from_the_start(string kind, float label)
    {
        var data = Setup.Smooth(64, 7, label: _ => label);
        var trained = Setup.Fit(Setup.Settings(Make(kind)) with { Epochs = 30 }, data);
        Setup.Outputs(trained.Network, data).Should().OnlyContain(y => (float)y == label);
        trained.History.Epochs.Should().OnlyContain(e => e.TrainingLoss == 0);
    }

    [Theory]
    [InlineData("deq")]
    [InlineData("fnn")]
    [InlineData("linear")]
    public void A_huge_constant_feature_does_not_drown_the_others(string kind)
    {
        var plain = Setup.Smooth(128, 8);
        var data = plain with { Features = [.. plain.Features.Select((x, i) => i % 3 == 1 ? 1e30f : x)] };
        var none = plain with { Features = [.. plain.Features.Select((x, i) => i % 3 == 1 ? 0 : x)] };
        var settings = Setup.Settings(Make(kind)) with { Epochs = 30 };

        var trained = Setup.Fit(settings, data);

        var expected = Setup.RSquared(Setup.Fit(settings, none).Network, none);
        expected.Should().BeGreaterThan(0.1);
        Setup.RSquared(trained.Network, data).Should().BeApproximately(expected, 1e-3);
    }

    [Fact]
    public void A_scale_that_float32_cannot_carry_is_refused_by_name() =>
        FluentActions.Invoking(() => Setup.Fit(Setup.Settings(Make("deq")), Setup.Smooth(64, 9, x => x * 1e-36f))).Should().Throw<DeqException>()
            .WithMessage("The feature in position 0 has the standard deviation*Rescale*");

    [Theory]
    [InlineData("deq")]
    [InlineData("fnn")]
    public void A_warm_start_on_other_units_starts_as_the_function_given(string kind)
    {
        var first = Setup.Fit(Setup.Settings(Make(kind)) with { Epochs = 40, LearningRate = 0.03 }, Setup.Smooth(128, 10)).Network;
        var other = Setup.Smooth(128, 11, x => 3 * x + 1, y => -20 * y + 500);
        foreach (var normalize in new[] { true, false })
        {
            var settings = Setup.Settings(Make(kind)) with { Epochs = 1, LearningRate = 1e-12, NormalizeFeatures = normalize, NormalizeTargets = normalize };

            var second = Setup.Fit(settings, other, initial: first).Network;

            var (before, after) = (Setup.Outputs(first, other), Setup.Outputs(second, other));
            var scale = Math.Max(before.Max(Math.Abs), normalize ? 500 : 0);
            before.LargestDifference(after).Should().BeLessThan(1e-4 * scale);
        }
    }

    /// <summary>It once came out as an ArgumentException about a layer.</summary>
    [Fact]
    public void A_warm_start_in_a_scale_that_float32_cannot_carry_says_so()
    {
        var huge = Setup.Fit(Setup.Settings(Setup.Fnn(4)) with { Epochs = 1 }, Setup.Smooth(40, 1, label: y => 1e20f * y)).Network;

        FluentActions.Invoking(() => Setup.Fit(Setup.Settings(Setup.Fnn(4)), Setup.Smooth(40, 1, label: y => 1e-25f * y), initial: huge))
            .Should().Throw<DeqException>().WithMessage("The model to start from cannot be expressed in the scale of these rows*");
    }

    [Fact]
    public void Rows_of_several_targets_are_refused() =>
        FluentActions.Invoking(() => Setup.Fit(Setup.Settings(Setup.Fnn(4)) with { Outputs = 2 }, Setup.Noise(10, 3, 2, 1))).Should().Throw<NotSupportedException>().WithMessage("*2 targets*");

    [Fact]
    public void A_warm_start_from_another_shape_names_the_option()
    {
        void Start(AnyArchitecture from, AnyArchitecture to, int features = 3) => Setup.Fit(Setup.Settings(to) with { Epochs = 1 }, Setup.Noise(20, features, 1, 1),
            initial: from.Initialize(3, 1, Link.Identity, new bool[3], new Random(1)));

        FluentActions.Invoking(() => Start(Setup.Deq(5), Setup.Deq(4))).Should().Throw<DeqException>().WithMessage("*HiddenSize 5*set to 4*");
        FluentActions.Invoking(() => Start(Setup.Fnn(4, 4), Setup.Fnn(4))).Should().Throw<DeqException>().WithMessage("*HiddenSizes 4, 4*");
        FluentActions.Invoking(() => Start(Setup.Deq(4), Setup.Fnn(4))).Should().Throw<DeqException>().WithMessage("*is a DeqNetwork*other kind*");
        FluentActions.Invoking(() => Start(Setup.Deq(4), Setup.Deq(4, Activation.ReLU))).Should().Throw<DeqException>().WithMessage("*Activation Tanh*");
        FluentActions.Invoking(() => Start(Setup.Deq(4), Setup.Deq(4), features: 2)).Should().Throw<DeqException>().WithMessage("*3 features*2*");
    }

    [Fact]
    public void A_start_within_its_rule_but_not_under_dropout_is_scaled_down_with_a_warning()
    {
        var start = new RandomCell(8, 3, 1, 0.8, 5).Fill().Network(Activation.Tanh);
        (double Norm, List<string> Warnings) Start(float dropout)
        {
            var monitor = new RecordingMonitor();
            var settings = Setup.Settings(Setup.Deq(8, dropout: dropout)) with { Epochs = 1, LearningRate = 1e-12 };
            return (((DeqNetwork)Setup.Fit(settings, Setup.Smooth(40, 1), initial: start, monitor: monitor).Network).Certificate.ContractionFactor, monitor.Warnings);
        }

        var (norm, warnings) = Start(0.5f);

        norm.Should().BeInRange(0.43, 0.45);
        warnings.Should().ContainSingle().Which.Should().Match("*its W is projected*contraction factor 0.8, above Spectral(0.9), which under a Dropout of 0.5 allows 0.45. Lower Dropout, or set WellPosedness to None*");
        Start(0).Norm.Should().BeApproximately(0.8, 1e-6);
        Start(0).Warnings.Should().BeEmpty();
        Start(0.05f).Warnings.Should().BeEmpty();
    }

    [Theory]
    [InlineData("InfinityNorm", "*contraction factor 1.4*, above InfinityNorm(0.95). Set WellPosedness to None to start from the same.")]
    [InlineData("Perron", "*contraction factor *, above Perron(0.95). Set WellPosedness to None to start from the same.")]
    [InlineData("Diagonal", "*W has entries other than zero off its diagonal*or set WellPosedness to None to start from the same.")]
    [InlineData("StrictlyTriangular", "*W has entries other than zero on or above its diagonal*or set WellPosedness to None to start from the same.")]
    [InlineData("Spectral", null)]
    public void A_start_that_breaks_the_rule_is_projected_with_a_warning_that_names_it(string name, string? warning)
    {
        var (rule, start) = (RuleReference.Named(name), new RandomCell(8, 3, 1, 0.8, 5).Fill().Network(Activation.Tanh));
        var monitor = new RecordingMonitor();

        var network = (DeqNetwork)Setup.Fit(Setup.Settings(Setup.Deq(8, rule: rule)) with { Epochs = 1, LearningRate = 1e-12 }, Setup.Smooth(40, 1), initial: start, monitor: monitor).Network;

        network.Certificate.Should().Match<Certificate>(c => c.Rule == rule && c.RuleHolds);
        if (warning is null)
        {
            monitor.Warnings.Should().BeEmpty();
            network.W.ToArray().LargestDifference(start.W.ToArray()).Should().BeLessThan(1e-6);
            return;
        }
        monitor.Warnings.Should().ContainSingle().Which.Should().Match("*its W is projected onto it, so training starts from another function. " + warning);
    }

    [Fact]
    public void ValidationFraction_holds_out_rows_that_are_not_trained_on()
    {
        var engine = new FakeEngine();
        var settings = Setup.Settings(Setup.Fnn()) with { ValidationFraction = 0.3f, Epochs = 1, NormalizeFeatures = false, NormalizeTargets = false };
        float[] values = [.. Enumerable.Range(1, 10).Select(i => (float)i)];

        NetworkTraining.Fit(settings, (_, _) => engine, Setup.Copy(new TrainingData(1, 1, values, values, values)), null, null, new RecordingMonitor());

        engine.Attached!.Rows.Should().Be(7);
        engine.Attached.Features.Should().OnlyHaveUniqueItems().And.Equal(engine.Attached.Targets).And.Equal(engine.Attached.Weights!.Select(w => 4 * w), "weights come near 1 in the mean");
        engine.Disposed.Should().Be(1);
        FluentActions.Invoking(() => NetworkTraining.Fit(settings with { ValidationFraction = 0.01f }, (_, _) => engine, new TrainingData(1, 1, values, values, null), null, null, new RecordingMonitor()))
            .Should().Throw<DeqException>().WithMessage("ValidationFraction*10 rows*");
    }

    [Theory]
    [InlineData("deq")]
    [InlineData("fnn")]
    public void A_learning_rate_far_too_large_ends_in_an_exception_that_says_so(string kind) =>
        FluentActions.Invoking(() => Setup.Fit(Setup.Settings(Make(kind)) with { Optimizer = new Sgd(), LearningRate = 1e25 }, Setup.Smooth(128, 15)))
            .Should().Throw<DivergenceException>().WithMessage("Training diverged in epoch 1*LearningRate*");

    [Fact]
    public void Weights_that_leave_float32_only_in_the_units_of_the_data_are_a_divergence() =>
        FluentActions.Invoking(() => Setup.Fit(Setup.Settings(Make("linear")) with { Optimizer = new Sgd(), LearningRate = 1e20, Epochs = 1, BatchSize = 128 },
            Setup.Smooth(128, 16, label: y => y * 1e30f))).Should().Throw<DivergenceException>().WithMessage("*the data's own units. Lower LearningRate, set GradientClip, or rescale features and label.*");

    [Fact]
    public void Of_an_optimizer_of_full_batches_they_are_told_without_a_learning_rate() =>
        FluentActions.Invoking(() => NetworkTraining.Fit(Setup.Settings(Make("linear")) with { Optimizer = new LevenbergMarquardt() }, (settings, start) => new DirectEngine(settings, start),
            Setup.Smooth(128, 16, feature: x => x * 1e-10f, label: y => y * 1e30f), null, null, new RecordingMonitor()))
            .Should().Throw<DivergenceException>().WithMessage("*the data's own units. Raise WeightDecay, set MaxWeightNorm, or rescale features and label.*");

    [Theory]
    [InlineData("deq")]
    [InlineData("fnn")]
    public void Early_stopping_returns_the_network_of_the_best_epoch(string kind)
    {
        // Noise: what is learnt of the training rows makes the validation rows worse, sooner or later.
        var validation = Setup.Noise(60, 5, 1, 18);
        var settings = Setup.Settings(Make(kind)) with { Epochs = 200, EarlyStopping = new EarlyStopping(5) };

        var trained = Setup.Fit(settings, Setup.Noise(40, 5, 1, 17), validation: validation);

        var epochs = trained.History.Epochs;
        epochs.Count.Should().Be(trained.History.BestEpoch + 5).And.BeLessThan(200);
        var least = epochs.Min(e => e.ValidationLoss!.Value);
        epochs[trained.History.BestEpoch - 1].ValidationLoss.Should().Be(least);
        Setup.Outputs(trained.Network, validation).Zip(validation.Targets, (y, t) => ((double)y - t) * ((double)y - t)).Average().Should().BeApproximately(least, 1e-3 * least);
    }

    [Fact]
    public void Early_stopping_without_validation_rows_is_refused() =>
        FluentActions.Invoking(() => Setup.Fit(Setup.Settings(Make("deq")) with { EarlyStopping = new EarlyStopping() }, Setup.Noise(20, 2, 1, 1)))
            .Should().Throw<DeqException>().WithMessage("EarlyStopping needs validation rows*");

    [Fact]
    public void Standardised_data_has_weighted_mean_0_and_deviation_1()
    {
        var data = Setup.Smooth(300, 12, x => 1000 * x - 77, y => 0.01f * y + 3, weighted: true);

        TrainingData Standardise(TrainingSettings settings)
        {
            var rows = Setup.Copy(data);
            Standardization.Learn(rows, settings).Apply(rows);
            return rows;
        }

        var standard = Standardise(Setup.Settings(Setup.Fnn(2)));

        var total = data.Weights!.Sum(w => (double)w);
        double Mean(Func<int, double> value) => Enumerable.Range(0, 300).Sum(r => data.Weights![r] / total * value(r));
        foreach (var column in Enumerable.Range(0, 3).Select(c => (Func<int, double>)(r => standard.Features[3 * r + c])).Append(r => standard.Targets[r]))
        {
            Mean(column).Should().BeApproximately(0, 1e-5);
            Mean(r => column(r) * column(r)).Should().BeApproximately(1, 1e-4);
        }
        var raw = Standardise(Setup.Settings(Setup.Fnn(2)) with { NormalizeFeatures = false, NormalizeTargets = false });
        raw.Features.Should().Equal(data.Features);
        raw.Targets.Should().Equal(data.Targets);
    }

    [Theory, OnDevices]
    public void A_deq_learns_a_smooth_function(string device)
    {
        var data = Setup.Smooth(512, 13);
        var trained = Setup.Fit(Setup.Settings(Setup.Deq(24, Activation.ReLU)) with { Epochs = 80 }, data, device);

        Setup.RSquared(trained.Network, data).Should().BeGreaterThan(0.95);
        Setup.RSquared(trained.Network, Setup.Smooth(512, 14)).Should().BeGreaterThan(0.85);
        trained.Equilibrium!.Count(SolveStatus.Converged).Should().Be(trained.Equilibrium.Rows);
        var deq = (DeqNetwork)trained.Network;
        deq.Certificate.RuleHolds.Should().BeTrue();
        OnnxCases.Measure(deq, trained.Sample!)!.MaxErrors[^1].Should().BeLessThan(1e-5f);
        trained.History.Epochs.Should().OnlyContain(e => e.WorstResidual <= 1e-4 && e.WorstGradientResidual <= 1e-4 && e.MeanIterations > 2);
    }

    [Theory, OnDevices]
    public void An_fnn_learns_a_smooth_function(string device)
    {
        var data = Setup.Smooth(512, 13);
        var trained = Setup.Fit(Setup.Settings(Setup.Fnn(32)) with { Epochs = 80 }, data, device);

        Setup.RSquared(trained.Network, data).Should().BeGreaterThan(0.95);
        Setup.RSquared(trained.Network, Setup.Smooth(512, 14)).Should().BeGreaterThan(0.85);
        trained.Equilibrium.Should().BeNull();
    }
}

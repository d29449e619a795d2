using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>Labels under a log link: counts and amounts, scaled by their mean and never moved.</summary>
public sealed class LogLinkTests
{
    public static TheoryData<string> Losses() => [.. Kinds.Keys];

    private static readonly Dictionary<string, RegressionLoss> Kinds = new() { ["Poisson"] = RegressionLoss.Poisson, ["Tweedie"] = RegressionLoss.Tweedie() };

    private static TrainingSettings Settings(string kind) => Setup.Settings(Setup.Fnn(4)) with { Loss = Kinds[kind], Epochs = 3 };

    private static TrainingData Counts(params float[] labels) => Setup.Noise(labels.Length, 2, 1, 1) with { Targets = labels };

    [Theory]
    [MemberData(nameof(Losses))]
    public void Labels_are_divided_by_their_weighted_mean_and_not_centred(string kind)
    {
        var data = Counts(0, 4, 2, 6) with { Weights = [1, 1, 4, 2] };
        var scaling = Standardization.Learn(data, Settings(kind));

        scaling.Apply(data);

        data.Targets.Should().Equal(0, 4 / 3f, 2 / 3f, 2);
        scaling.TargetUnit.Should().BeApproximately(3, 1e-12);
        var raw = Counts(0, 4, 2, 6);
        Standardization.Learn(raw, Settings(kind) with { NormalizeTargets = false }).Apply(raw);
        raw.Targets.Should().Equal(0, 4, 2, 6);
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void Negative_labels_are_refused_among_training_and_validation_rows(string kind)
    {
        var message = FormattableString.Invariant($"The label -0.25 is negative; the loss {Kinds[kind]} needs labels of at least 0*");
        FluentActions.Invoking(() => Setup.Fit(Settings(kind), Counts(1, -0.25f, 3))).Should().Throw<DeqException>().WithMessage(message);
        FluentActions.Invoking(() => Setup.Fit(Settings(kind), Counts(1, 2, 3), validation: Counts(0, -0.25f))).Should().Throw<DeqException>().WithMessage(message);
        FluentActions.Invoking(() => Setup.Fit(Settings(kind) with { Loss = RegressionLoss.Huber() }, Counts(1, -0.25f, 3))).Should().NotThrow();
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void Labels_of_0_alone_are_refused_and_among_others_they_are_fine(string kind)
    {
        FluentActions.Invoking(() => Setup.Fit(Settings(kind), Counts(0, 0, 0))).Should().Throw<DeqException>().WithMessage($"Every label is 0; the loss {Kinds[kind]}*");
        var trained = Setup.Fit(Settings(kind), Counts(0, 0, 1, 0), validation: Counts(0, 0));
        trained.History.Epochs.Should().OnlyContain(e => double.IsFinite(e.TrainingLoss) && double.IsFinite(e.ValidationLoss!.Value));
        trained.Network.Link.Should().Be(Link.Exp);
        Setup.Outputs(trained.Network, Counts(0, 0, 0, 0)).Should().OnlyContain(m => m > 0);
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void A_constant_label_is_right_from_the_start(string kind)
    {
        var trained = Setup.Fit(Settings(kind), Counts(7, 7, 7));

        Setup.Outputs(trained.Network, Counts(7, 7, 7)).Should().OnlyContain(m => Math.Abs(m - 7) < 1e-5f);
        trained.History.Epochs.Should().OnlyContain(e => Math.Abs(e.TrainingLoss) < 1e-6);
    }

    /// <summary>Huge and tiny amounts train as plain ones: their logarithm only moves by the unit.</summary>
    [Theory]
    [InlineData("Poisson", 1e6f)]
    [InlineData("Poisson", 1e-6f)]
    [InlineData("Tweedie", 1e6f)]
    [InlineData("Tweedie", 1e-6f)]
    public void The_unit_of_the_label_does_not_matter(string kind, float unit)
    {
        float[] labels = [0, 3, 1, 2, 5, 0, 2, 9];
        var plain = Setup.Fit(Settings(kind) with { Epochs = 50 }, Counts(labels));
        var scaled = Setup.Fit(Settings(kind) with { Epochs = 50 }, Counts([.. labels.Select(y => y * unit)]));

        Setup.Outputs(scaled.Network, Counts(labels)).Zip(Setup.Outputs(plain.Network, Counts(labels)), (a, b) => Math.Abs(a / unit / b - 1)).Max().Should().BeLessThan(1e-3f);
    }
}

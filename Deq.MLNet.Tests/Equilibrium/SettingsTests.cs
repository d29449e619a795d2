namespace Deq.MLNet.Tests.Equilibrium;

public class SettingsTests
{
    [Fact]
    public void Defaults_are_those_documented()
    {
        var settings = new EquilibriumSettings();
        settings.Solver.Should().Be(new Auto());
        new Picard().Should().Be(new Picard(1));
        settings.Tolerance.Should().Be(new Tolerance(1e-6, 1e-9));
        settings.MaxIterations.Should().Be(200);
        new Anderson().Should().Be(new Anderson(5, 1, 1e-8));
        settings.Should().Be(new EquilibriumSettings(new Auto(), new Tolerance(1e-6), 200));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1e-6)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_tolerance_that_is_not_positive_and_finite_is_refused(double value)
    {
        Refused(() => new Tolerance(value), "relative", value, "positive and finite");
        Refused(() => new Tolerance(1e-6, value), "absolute", value, "positive and finite");
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-0.5f)]
    [InlineData(1.01f)]
    [InlineData(float.NaN)]
    public void A_damping_outside_0_to_1_is_refused(float value)
    {
        Refused(() => new Picard(value), "damping", value, "above 0 and at most 1");
        Refused(() => new Anderson(damping: value), "damping", value, "above 0 and at most 1");
    }

    [Fact]
    public void The_memory_ridge_and_cap_are_checked()
    {
        Refused(() => new Anderson(memory: 0), "memory", 0, "at least 1 and below 21");
        Refused(() => new Anderson(memory: 21), "memory", 21, "at least 1 and below 21");
        Refused(() => new Anderson(ridge: -1e-9), "ridge", -1e-9, "at least 0 and below 1");
        Refused(() => new Anderson(ridge: 1), "ridge", 1.0, "at least 0 and below 1");
        Refused(() => new Anderson(ridge: double.NaN), "ridge", double.NaN, "at least 0 and below 1");
        Refused(() => new EquilibriumSettings(maxIterations: 0), "maxIterations", 0, "at least 1");
        new Anderson(memory: 20, ridge: 0).Memory.Should().Be(20);
    }

    [Fact]
    public void The_scaled_residual_meets_the_relative_tolerance_exactly_when_the_documented_test_is_met()
    {
        var tolerance = new Tolerance(1e-3, 1e-2);
        foreach (var norm in new[] { 0, 1e-9, 1, 1e6 })
        {
            var bound = tolerance.Absolute + tolerance.Relative * norm;
            tolerance.Scaled(bound * (1 - 1e-9), norm).Should().BeLessThan(tolerance.Relative);
            tolerance.Scaled(bound * (1 + 1e-9), norm).Should().BeGreaterThan(tolerance.Relative);
        }
        tolerance.Scaled(0, 0).Should().Be(0);
        tolerance.Scaled(double.NaN, 1).Should().Be(double.NaN);
    }

    [Fact]
    public void A_report_counts_rows_by_status_and_leaves_rows_without_a_residual_out_of_its_means()
    {
        var report = SolveReport.From([new(SolveStatus.Converged, 10, 1e-7), new(SolveStatus.IterationLimit, 200, 3e-2), new(SolveStatus.InvalidInput, 0, double.NaN),
            new(SolveStatus.Converged, 14, 3e-7)], 0.5);
        report.Rows.Should().Be(4);
        report.WorstIterations.Should().Be(200);
        report.MeanIterations.Should().Be(56);
        report.WorstResidual.Should().Be(3e-2);
        report.MeanResidual.Should().BeApproximately((3e-2 + 4e-7) / 3, 1e-15);
        report.Count(SolveStatus.Converged).Should().Be(2);
        report.Count(SolveStatus.InvalidInput).Should().Be(1);
        report.Count(SolveStatus.Diverged).Should().Be(0);
        report.RowsByStatus.Sum().Should().Be(4);
        SolveReport.From([], double.NaN).Should().Match<SolveReport>(r => r.Rows == 0 && r.MeanIterations == 0 && r.MeanResidual == 0);
    }

    /// <summary>The least residual that a row had before it ran away went into the means.</summary>
    [Fact]
    public void A_report_keeps_rows_that_diverged_out_of_its_residuals()
    {
        var report = SolveReport.From([new(SolveStatus.Converged, 10, 1e-7), new(SolveStatus.Diverged, 80, double.PositiveInfinity)], 0.5);
        (report.MeanResidual, report.WorstResidual).Should().Be((1e-7, 1e-7));
        report.Count(SolveStatus.Diverged).Should().Be(1);
    }

    private static void Refused(Func<object> make, string option, object value, string range) =>
        make.Should().Throw<ArgumentOutOfRangeException>().Where(e => e.ParamName == option && e.ActualValue!.Equals(value))
            .WithMessage($"{option} is {value}; it must be *{range}.*");
}

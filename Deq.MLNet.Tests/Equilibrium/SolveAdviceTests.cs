namespace Deq.MLNet.Tests.Equilibrium;

public class SolveAdviceTests
{
    [Theory]
    [InlineData(SolveStatus.Converged, "Nothing")]
    [InlineData(SolveStatus.AtPrecisionLimit, nameof(DeqTrainerOptions.ScoringTolerance))]
    [InlineData(SolveStatus.IterationLimit, nameof(DeqTrainerOptions.MaxIterations), nameof(DeqTrainerOptions.Solver), nameof(Anderson), nameof(Newton), nameof(DeqTrainerOptions.WellPosedness))]
    [InlineData(SolveStatus.Diverged, nameof(DeqTrainerOptions.WellPosedness))]
    [InlineData(SolveStatus.InvalidInput, "missing", "infinite")]
    public void Every_status_names_the_options_that_remedy_it(SolveStatus status, params string[] remedies)
    {
        var advice = status.Advice();
        advice.Should().EndWith(".");
        remedies.Should().OnlyContain(option => advice.Contains(option, StringComparison.Ordinal));
        advice.Count(c => c == '.').Should().Be(1 + (advice.Contains("Spectral(0.9)", StringComparison.Ordinal) ? 1 : 0), "it is one sentence");
    }

    /// <summary>Under such a rule Anderson is refused, and a change of rule would change the model.</summary>
    [Fact]
    public void Advice_does_not_send_a_monotone_model_to_a_solver_that_its_rule_refuses()
    {
        foreach (var advice in Enum.GetValues<SolveStatus>().Select(s => s.Advice()))
        {
            (advice.Contains("Anderson", StringComparison.Ordinal) && !advice.Contains("under no Monotone rule, to Anderson", StringComparison.Ordinal)).Should().BeFalse(advice);
            (advice.Contains("Spectral", StringComparison.Ordinal) && !advice.Contains("where there is none", StringComparison.Ordinal)).Should().BeFalse(advice);
        }
    }

    [Fact]
    public void Each_status_has_its_own_and_a_number_that_is_none_is_refused()
    {
        Enum.GetValues<SolveStatus>().Select(s => s.Advice()).Should().OnlyHaveUniqueItems();
        FluentActions.Invoking(() => ((SolveStatus)9).Advice()).Should().Throw<ArgumentOutOfRangeException>();
        Enum.GetValues<SolveStatus>().Where(s => s.IsSolved()).Should().Equal(SolveStatus.Converged, SolveStatus.AtPrecisionLimit);
    }

    [Fact]
    public void A_report_tells_what_to_do_for_each_status_that_occurred()
    {
        var report = SolveReport.From([new(SolveStatus.Converged, 10, 1e-7), new(SolveStatus.IterationLimit, 200, 3e-2), new(SolveStatus.IterationLimit, 200, 3e-2), new(SolveStatus.InvalidInput, 0, double.NaN)], 0.75);
        report.Unsolved.Should().Be(2);
        report.ToString().Split(Environment.NewLine).Should().Equal(
            "4 rows: 102 iterations (worst 200), residual 0.02 (worst 0.03), estimated contraction factor 0.75.",
            $"2 IterationLimit: {SolveStatus.IterationLimit.Advice()}",
            $"1 InvalidInput: {SolveStatus.InvalidInput.Advice()}");
    }
}

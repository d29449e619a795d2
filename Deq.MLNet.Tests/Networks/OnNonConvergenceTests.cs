namespace Deq.MLNet.Tests.Networks;

/// <summary>What a row gets whose equilibrium is not found.</summary>
public class OnNonConvergenceTests
{
    private static readonly RandomCell Cell = new RandomCell(12, 4, 2, 0.9, 3).Fill();

    private static readonly float[] Hard = Cell.X;

    /// <summary>With zeros for features and no bias the state is zero, which one evaluation confirms.</summary>
    private static readonly float[] Easy = new float[4];

    [Theory]
    [InlineData(OnNonConvergence.ReturnBest)]
    [InlineData(OnNonConvergence.NaN)]
    [InlineData(OnNonConvergence.Throw)]
    public void Only_a_row_at_the_cap_is_treated_so_and_the_next_is_none_the_worse(OnNonConvergence policy)
    {
        var (network, best) = (Network(policy), Network(OnNonConvergence.ReturnBest));
        var (scratch, z, y, expectedZ) = (new float[network.ScratchSize], new float[12], new float[2], new float[12]);
        foreach (var row in new[] { Easy, Hard, Easy })
        {
            var expected = best.Solve(row, scratch, expectedZ);
            if (row == Easy || policy == OnNonConvergence.ReturnBest)
            {
                network.Solve(row, scratch, z).Should().Be(expected);
                z.Bits().Should().Equal(expectedZ.Bits());
                network.Evaluate(row).Bits().Should().Equal(best.Evaluate(row).Bits());
            }
            else if (policy == OnNonConvergence.NaN)
            {
                network.Solve(row, scratch, z).Should().Be(expected, "the status still tells how it ended");
                z.Should().OnlyContain(v => float.IsNaN(v));
                network.Evaluate(row).Should().HaveCount(2).And.OnlyContain(v => float.IsNaN(v));
            }
            else
            {
                foreach (var act in new Action[] { () => network.Solve(row, scratch, z), () => network.Evaluate(row, scratch, y) })
                {
                    act.Should().Throw<DivergenceException>().WithMessage(FormattableString.Invariant(
                        $"The equilibrium of a row was not found: IterationLimit after 3 iterations, residual {expected.Residual:G3}. {SolveStatus.IterationLimit.Advice()} Or set OnNonConvergence to ReturnBest or NaN."));
                }
            }
        }
    }

    [Fact]
    public void A_row_that_diverges_is_NaN_or_throws()
    {
        DeqNetwork Make(OnNonConvergence policy) => new([3], [1], [0], [1], [0], Activation.ReLU, scoring: new EquilibriumSettings(new Picard(), onNonConvergence: policy));
        Make(OnNonConvergence.ReturnBest).Evaluate([1]).Should().Equal(float.NaN);
        Make(OnNonConvergence.NaN).Evaluate([1]).Should().Equal(float.NaN);
        FluentActions.Invoking(() => Make(OnNonConvergence.Throw).Evaluate([1])).Should().Throw<DivergenceException>().WithMessage("*Diverged after*WellPosedness*");
    }

    [Fact]
    public void A_missing_feature_is_no_failure_to_converge() => Network(OnNonConvergence.Throw).Evaluate([1, float.NaN, 1, 1]).Should().OnlyContain(v => float.IsNaN(v));

    [Fact]
    public void A_row_at_the_precision_limit_counts_as_solved()
    {
        foreach (var policy in Enum.GetValues<OnNonConvergence>())
        {
            var network = new DeqNetwork(Cell.W, Cell.U, new float[12], Cell.V, Cell.C, Activation.Tanh, scoring: new EquilibriumSettings(new Picard(), new Tolerance(1e-15, 1e-30), 5_000, policy));
            var (random, scratch, z, atLimit) = (new Random(1), new float[network.ScratchSize], new float[12], 0);
            for (var row = 0; row < 30; row++)
            {
                // Rounding brings some rows to rest, and others to a cycle.
                var status = network.Solve(RandomCell.Values(random, 4, 1), scratch, z).Status;
                status.IsSolved().Should().BeTrue();
                z.Should().OnlyContain(v => float.IsFinite(v));
                atLimit += status == SolveStatus.AtPrecisionLimit ? 1 : 0;
            }
            atLimit.Should().BeGreaterThan(0);
        }
    }

    private static DeqNetwork Network(OnNonConvergence policy) =>
        new(Cell.W, Cell.U, new float[12], Cell.V, Cell.C, Activation.Tanh, scoring: new EquilibriumSettings(new Picard(), new Tolerance(1e-6), 3, policy));
}

namespace Deq.MLNet.Tests.Networks;

/// <summary>Outputs in float64; with random cells of every kind in <see cref="DeqReferenceTests"/> and <see cref="NetworkPartsTests"/>.</summary>
public class EvaluateFloat64Tests
{
    private static readonly RandomCell Cell = new RandomCell(19, 7, 3, 0.9, 8).Fill();

    private static readonly FnnNetwork Fnn = new(RandomLayers.Of(new Random(3), 7, 31, 13, 3), Activation.Tanh);

    [Theory]
    [InlineData(Link.Identity)]
    [InlineData(Link.Exp)]
    [InlineData(Link.Logistic)]
    [InlineData(Link.Softmax)]
    public void It_agrees_with_the_formulas_under_every_link(Link link)
    {
        foreach (var network in new Network[] { Cell.Network(Activation.GELU, link), new FnnNetwork(Fnn.Layers, Activation.Tanh, link), new FnnNetwork([Fnn.Layers[0]], Activation.ReLU, link) })
        {
            var expected = Float64.Evaluate(network, Cell.X);
            network.EvaluateFloat64(Cell.X).LargestDifference(expected).Should().BeLessThan(1e-12 * expected.Max(Math.Abs));
        }
    }

    /// <summary>z1 = relu((1 - gap) z1 + x), z2 = relu(z1 - 1), y = z1 - z2 is the ramp clip(x / gap, 0, 1). Plain iteration would take a million steps and more.</summary>
    [Fact]
    public void A_ramp_of_a_slope_of_a_million_is_exact()
    {
        const float Gap = 1f / (1 << 20);
        var ramp = new DeqNetwork([1 - Gap, 0, 1, 0], [1, 0], [0, -1], [1, -1], [0], Activation.ReLU);
        foreach (var x in new[] { -1f, 0, Gap / 4, Gap / 2, Gap, 2 * Gap, 1 })
        {
            ramp.EvaluateFloat64([x])[0].Should().BeApproximately(Math.Clamp(x / Gap, 0, 1), 1e-10);
        }
    }

    /// <summary>The same ramp with its units in the other order, so that substitution is not exact: mixed steps leave an error of a million residuals, or do not arrive.</summary>
    [Fact]
    public void A_slow_state_of_a_cell_that_is_not_triangular_is_exact()
    {
        const float Gap = 1f / (1 << 20);
        var ramp = new DeqNetwork([0, 0.5f, 0, 1 - Gap], [0, 1], [-0.5f, 0], [-2, 1], [0], Activation.ReLU, rule: WellPosedness.InfinityNorm(1 - Gap / 2));
        foreach (var x in new[] { -1f, 0, Gap / 4, Gap / 2, Gap, 2 * Gap, 1 })
        {
            ramp.EvaluateFloat64([x])[0].Should().BeApproximately(Math.Clamp(x / Gap, 0, 1), 1e-9);
        }
    }

    [Fact]
    public void How_the_network_scores_does_not_matter()
    {
        var network = Cell.Network(Activation.ReLU, scoring: new EquilibriumSettings(new Picard(), maxIterations: 1));
        network.EvaluateFloat64(Cell.X).LargestDifference(Float64.Evaluate(network, Cell.X)).Should().BeLessThan(1e-12);
    }

    [Fact]
    public void A_row_without_an_equilibrium_and_one_that_is_not_finite_give_NaN()
    {
        // z = relu(2 z + x) grows without end where x is positive, and rests at 0 where it is not.
        var network = new DeqNetwork([2], [1], [0], [1], [3], Activation.ReLU);
        network.EvaluateFloat64([1]).Should().Equal(double.NaN);
        network.EvaluateFloat64([-1]).Should().Equal(3);
        network.EvaluateFloat64([float.PositiveInfinity]).Should().Equal(double.NaN);
        Fnn.EvaluateFloat64([1, 2, 3, 4, 5, 6, float.NaN]).Should().HaveCount(3).And.OnlyContain(value => double.IsNaN(value));
    }

    [Fact]
    public void A_row_of_the_wrong_length_is_refused()
    {
        foreach (var network in new Network[] { Cell.Network(Activation.ReLU), Fnn })
        {
            ((Action)(() => network.EvaluateFloat64(new float[8]))).Should().Throw<ArgumentException>().WithMessage("x has 8 values; its shape (n) needs 7.*");
        }
    }
}

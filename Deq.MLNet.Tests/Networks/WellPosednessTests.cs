using CsCheck;

namespace Deq.MLNet.Tests.Networks;

public class WellPosednessTests
{
    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    [InlineData(-0.5f)]
    [InlineData(float.NaN)]
    public void A_bound_outside_0_to_1_is_refused(float bound)
    {
        void Refused(Func<float, WellPosedness> make, string name) => FluentActions.Invoking(() => make(bound)).Should().Throw<ArgumentOutOfRangeException>()
            .Where(e => e.ParamName == "bound").WithMessage($"The {name} bound is {bound}; it must be above 0 and below 1.*");

        Refused(WellPosedness.Spectral, "spectral");
        Refused(WellPosedness.InfinityNorm, "infinity norm");
        Refused(WellPosedness.Perron, "Perron");
        Refused(WellPosedness.Diagonal, "diagonal");
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1.001f)]
    [InlineData(-0.5f)]
    [InlineData(float.NaN)]
    public void A_margin_outside_0_to_1_is_refused(float margin) => FluentActions.Invoking(() => WellPosedness.Monotone(margin)).Should().Throw<ArgumentOutOfRangeException>()
        .Where(e => e.ParamName == "margin").WithMessage($"The monotone margin is {margin}; it must be above 0 and at most 1.*");

    [Fact]
    public void Rules_are_values()
    {
        WellPosedness.Spectral().Should().Be(WellPosedness.Spectral(0.9f)).And.NotBe(WellPosedness.Spectral(0.8f));
        WellPosedness.Monotone(0.5f).Should().Be(WellPosedness.Monotone(0.5f)).And.NotBe(WellPosedness.Monotone());
        WellPosedness.InfinityNorm(0.5f).Should().NotBe(WellPosedness.Perron(0.5f));
        RuleReference.All.Should().OnlyHaveUniqueItems();
        RuleReference.All.Select(rule => $"{rule}").Should().Equal("None", "Spectral(0.9)", "InfinityNorm(0.95)", "Perron(0.95)", "Monotone(0.5)", "StrictlyTriangular", "Diagonal(0.99)");
        RuleReference.All.Select(rule => rule.Bound).Should().Equal(null, 0.9f, 0.95f, 0.95f, null, null, 0.99f);
        WellPosedness.Monotone().ToString().Should().Be("Monotone(1)");
    }

    [Fact]
    public void A_rule_names_the_solver_that_its_cells_ask_for()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            WellPosedness.Monotone().NaturalSolver(activation).Should().BeOfType<PeacemanRachford>();
            WellPosedness.StrictlyTriangular.NaturalSolver(activation).Should().BeOfType<ForwardSubstitution>();
            WellPosedness.Spectral().NaturalSolver(activation).Should().BeOfType<Auto>();
            var isPiecewiseLinear = activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity;
            WellPosedness.Diagonal().NaturalSolver(activation).Should().Match(s => isPiecewiseLinear ? s is ForwardSubstitution : s is Auto);
        }
    }

    [Fact]
    public void The_certificate_is_the_spectral_norm_of_W() => Gen.Select(RandomCell.Within(0.1, 2), Gen.Enum<Activation>()).Sample((cell, activation) =>
    {
        var certificate = cell.Network(activation).Certificate;
        var norm = Phi.Lipschitz(activation) * Linear.SingularValues(Linear.ToDouble(cell.W), cell.Size)[0];
        certificate.ContractionFactor.Should().BeApproximately(norm, 1e-7 * norm);
        certificate.IsProved.Should().Be(certificate.ContractionFactor < 1);
        certificate.RuleHolds.Should().BeTrue("no rule asks nothing");
    });

    [Theory]
    [InlineData("Spectral", new[] { 0f, 0.95f, 0.1f, 0 }, "W has the contraction factor 0.95; the rule Spectral(0.9) does not hold. Scale W down, or give no rule.*")]
    [InlineData("InfinityNorm", new[] { 0.5f, 0.5f, 0, 0 }, "W has the contraction factor 1; the rule InfinityNorm(0.95) does not hold.*")]
    [InlineData("Perron", new[] { 0.5f, -0.5f, -0.5f, 0.5f }, "W has the contraction factor 1; the rule Perron(0.95) does not hold.*")]
    [InlineData("Diagonal", new[] { 0.5f, 0, 0.125f, 0.5f }, "W has entries other than zero off its diagonal; the rule Diagonal(0.99) does not hold. Set them to zero, or give no rule.*")]
    [InlineData("Diagonal", new[] { 0.5f, 0, 0, -1 }, "W has the contraction factor 1; the rule Diagonal(0.99) does not hold.*")]
    public void A_W_that_breaks_its_rule_is_refused_with_both_numbers(string rule, float[] w, string message)
    {
        FluentActions.Invoking(() => Network(w, RuleReference.Named(rule))).Should().Throw<ArgumentException>().WithMessage(message);
        Network([.. w.Select((v, i) => i is 0 or 3 ? v * 0.9f : 0)], RuleReference.Named(rule)).Certificate.RuleHolds.Should().BeTrue();
    }

    [Fact]
    public void A_W_without_the_form_of_its_rule_breaks_it()
    {
        WellPosedness.StrictlyTriangular.Certify([0, 0, 7, 0], 2, Activation.GELU).Should().Match<Certificate>(c => c.RuleHolds && c.IsProved);
        foreach (var w in new[] { new[] { 0.1f, 0, 7, 0 }, [0, 1e-9f, 7, 0], [0, 0, 7, -1] })
        {
            WellPosedness.StrictlyTriangular.Certify(w, 2, Activation.ReLU).Should().Match<Certificate>(c => !c.RuleHolds && c.Violation.Contains("on or above its diagonal"));
        }
        WellPosedness.Monotone(0.5f).Certify([0.25f, 3.25f, -2.75f, 0.25f], 2, Activation.ReLU).RuleHolds.Should().BeFalse("an eigenvalue of 0.5 that is not on the diagonal is bounded from above");
        WellPosedness.Monotone(0.5f).Certify([0.5f, 3, -3, -9], 2, Activation.ReLU).RuleHolds.Should().BeTrue("nothing was rounded");
        WellPosedness.Monotone(0.5f).Certify([0.4999f, 3, -3, -9], 2, Activation.ReLU).RuleHolds.Should().BeTrue();
        WellPosedness.Monotone(0.5f).Certify([0.51f, 3, -3, -9], 2, Activation.ReLU).Should().Match<Certificate>(c => !c.RuleHolds && c.Violation.Contains("(W + W') / 2"));
        WellPosedness.Monotone().Certify(new float[4], 2, Activation.ReLU).RuleHolds.Should().BeTrue();
    }

    private static DeqNetwork Network(float[] w, WellPosedness rule) => new(w, [1, 0], [0, 0], [1, 1], [0], Activation.ReLU, rule: rule, scoring: new EquilibriumSettings());

    [Fact]
    public void IterationsFor_bounds_the_plain_iterations_of_every_row() => Gen.Select(RandomCell.Within(0.1, 0.85), Gen.Double[1e-8, 0.5], Gen.Enum<Activation>()).Sample((cell, error, activation) =>
    {
        var iterations = cell.Network(activation).Certificate.IterationsFor(error)!.Value;
        var (w, z) = (Linear.ToDouble(cell.W), new double[cell.Size]);
        for (var k = 0; k < iterations; k++)
        {
            z = FixedPoint.Cell(w, cell.Injection, z, activation);
        }
        var equilibrium = cell.Equilibrium(activation);
        Linear.Distance(z, equilibrium).Should().BeLessThanOrEqualTo(error * Linear.Norm(equilibrium) + 1e-12);
    });

    [Fact]
    public void IterationsFor_is_the_least_such_number_for_a_cell_of_one_state()
    {
        // z = 0.5 z + 1: the error after k steps is exactly 2^-k of the state.
        var network = new DeqNetwork([0.5f], [1], [1], [1], [0], Activation.ReLU);
        network.Certificate.IterationsFor(0.1).Should().Be(4);
        network.Certificate.IterationsFor(0.9).Should().Be(1);
        new DeqNetwork([0], [1], [1], [1], [0], Activation.ReLU).Certificate.IterationsFor(1e-9).Should().Be(1);
        new DeqNetwork([1], [1], [1], [1], [0], Activation.ReLU).Certificate.IterationsFor(1e-3).Should().BeNull();
        ((Func<object?>)(() => network.Certificate.IterationsFor(0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Func<object?>)(() => network.Certificate.IterationsFor(1))).Should().Throw<ArgumentOutOfRangeException>();
    }
}

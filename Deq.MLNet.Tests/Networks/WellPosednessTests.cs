using CsCheck;

namespace Deq.MLNet.Tests.Networks;

public class WellPosednessTests
{
    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    [InlineData(-0.5f)]
    [InlineData(float.NaN)]
    public void A_spectral_bound_outside_0_to_1_is_refused(float bound)
    {
        var make = () => WellPosedness.Spectral(bound);
        make.Should().Throw<ArgumentOutOfRangeException>().Where(e => e.ParamName == "bound").WithMessage($"The spectral bound is {bound}; it must be above 0 and below 1.*");
    }

    [Fact]
    public void Rules_are_values()
    {
        WellPosedness.Spectral().Should().Be(WellPosedness.Spectral(0.9f)).And.NotBe(WellPosedness.Spectral(0.8f));
        WellPosedness.Spectral(0.75f).Bound.Should().Be(0.75f);
        WellPosedness.Spectral(0.75f).ToString().Should().Be("Spectral(0.75)");
        WellPosedness.None.Bound.Should().BeNull();
        WellPosedness.None.ToString().Should().Be("None");
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

    [Fact]
    public void A_W_that_breaks_its_rule_is_refused_with_both_numbers()
    {
        var cell = new RandomCell(8, 3, 1, 0.85, 6).Fill();
        cell.Network(Activation.ReLU, rule: WellPosedness.Spectral(0.9f)).Certificate.RuleHolds.Should().BeTrue();
        var make = () => cell.Network(Activation.ReLU, rule: WellPosedness.Spectral(0.8f));
        make.Should().Throw<ArgumentException>().WithMessage("W has the contraction factor 0.85*; the rule Spectral(0.8) does not hold.*");
    }

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

using CsCheck;
using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;

namespace Deq.MLNet.Tests.Onnx;

public class CurveMeasurementTests
{
    [Fact]
    public void Errors_are_those_of_plain_iteration_against_the_float64_equilibrium() => Gen.Select(RandomCell.Within(0.2, 0.9, 16), Gen.Enum<Activation>()).Sample((cell, activation) =>
    {
        var random = new Random(cell.Seed);
        var rows = Enumerable.Range(0, 5).Select(_ => (ReadOnlyMemory<float>)RandomCell.Values(random, cell.Inputs, 1)).ToList();
        var curve = OnnxCases.Measure(cell.Network(activation), rows)!;

        var (w, v, c) = (Linear.ToDouble(cell.W), Linear.ToDouble(cell.V), Linear.ToDouble(cell.C));
        var injections = rows.Select(r => Linear.Affine(Linear.ToDouble(cell.U), Linear.ToDouble(r.Span), Linear.ToDouble(cell.B))).ToList();
        var equilibria = injections.Select(u => Linear.Affine(v, FixedPoint.Of(w, u, activation), c)).ToList();
        var scale = equilibria.Max(y => y.Max(Math.Abs));
        curve.Rows.Should().Be(5);
        ((double)curve.Scale).Should().BeApproximately(scale, 1e-6 * scale);
        var states = injections.Select(u => new double[u.Length]).ToList();
        for (var k = 0; k < curve.MaxErrors.Count; k++)
        {
            states = [.. states.Zip(injections, (z, u) => FixedPoint.Cell(w, u, z, activation))];
            var errors = states.Zip(equilibria, (z, y) => Linear.Affine(v, z, c).Zip(y, (a, b) => Math.Abs(a - b)).Max() / scale).ToList();
            // The curve is that of float32.
            var rounding = 1e-5 * (1 + states.Max(Linear.Norm) / scale);
            ((double)curve.MaxErrors[k]).Should().BeApproximately(errors.Max(), rounding);
            ((double)curve.MeanErrors[k]).Should().BeApproximately(errors.Average(), rounding);
        }
        curve.MaxErrors.Count.Should().BeInRange(1, UnrollCurve.MaxSteps);
        ((double)curve.MaxErrors[^1]).Should().BeLessThan(1e-4 * (1 + states.Max(Linear.Norm) / scale));
    }, iter: LongForm.Times(30));

    /// <summary>With ReLU a state may stand still at zero while the splitting goes on beneath it: that was taken for rest, after one step.</summary>
    [Fact]
    public void A_splitting_is_not_at_rest_while_its_states_stand_still()
    {
        for (var seed = 1; seed <= 60; seed++)
        {
            var cell = new CellProblem(CellKind.Monotone, 2 + seed % 2, 0, Activation.ReLU, seed);
            var random = new Random(seed);
            var network = new DeqNetwork(cell.W, RandomCell.Values(random, cell.Size, 1), RandomCell.Values(random, cell.Size, 1), RandomCell.Values(random, cell.Size, 1), [0.5f], Activation.ReLU, rule: WellPosedness.Monotone(0.99f));
            var curve = new CurveMeasurement(network, [new float[] { 1 }]).Of(OnnxForm.PeacemanRachford)!;
            (curve.MaxErrors[^1] < 1e-4 || curve.MaxErrors.Count == UnrollCurve.MaxSteps).Should().BeTrue("the cell of seed {0} is off by {1} after {2} steps", seed, curve.MaxErrors[^1], curve.MaxErrors.Count);
        }
    }

    [Fact]
    public void The_curve_of_several_outputs_is_the_larger_share_of_each_step() => Gen.Select(RandomCell.Within(0.5, 0.9, 16), Gen.Double[-30, 30], Gen.Double[-3, 3]).Sample((cell, slope, offset) =>
    {
        var random = new Random(cell.Seed);
        var rows = Enumerable.Range(0, 9).Select(_ => (ReadOnlyMemory<float>)RandomCell.Values(random, cell.Inputs, 1)).ToList();
        var network = cell.Network(Activation.Tanh);
        var (score, probability) = (new Readout(Link.Identity), new Readout(Link.Logistic, slope, offset));
        var both = OnnxCases.Measure(network, rows, score, probability)!;
        var (first, second) = (OnnxCases.Measure(network, rows, score)!, OnnxCases.Measure(network, rows, probability)!);

        both.Scale.Should().Be(first.Scale);
        both.MaxErrors.Should().Equal(first.MaxErrors.Zip(second.MaxErrors, Math.Max));
        both.MeanErrors.Zip(first.MeanErrors.Zip(second.MeanErrors, Math.Max)).Should().OnlyContain(pair => pair.First >= pair.Second * (1 - 1e-6f));
    }, iter: LongForm.Times(20));

    /// <summary>A steep calibration makes small errors of a score large ones of a probability.</summary>
    [Fact]
    public void A_steep_output_takes_more_steps()
    {
        var network = new DeqNetwork([0.5f], [1], [0], [1], [0], Activation.Tanh);
        List<ReadOnlyMemory<float>> rows = [.. Enumerable.Range(-10, 21).Select(i => (ReadOnlyMemory<float>)new[] { i / 10f })];
        int Steps(double slope) => OnnxCases.Measure(network, rows, new Readout(Link.Identity), new Readout(Link.Logistic, slope))!.StepsFor(1e-4)!.Value;

        Steps(100).Should().BeGreaterThan(Steps(1));
        Steps(0.01).Should().Be(OnnxCases.Measure(network, rows, new Readout(Link.Identity))!.StepsFor(1e-4));
    }

    /// <summary>A network that is sure of its training rows was called exact after few steps; rows between the classes were off by more.</summary>
    [Theory]
    [InlineData(Link.Logistic, 4)]
    [InlineData(Link.Softmax, 2)]
    public void The_error_of_a_probability_is_that_where_it_is_steepest(Link link, double divisor)
    {
        var network = new DeqNetwork([0.5f], [1], [0], [100, -100], [0, 0], Activation.ReLU, link);
        List<ReadOnlyMemory<float>> sure = [new float[] { 1 }, new float[] { 2 }];
        var (probability, affine) = (OnnxCases.Measure(network, sure)!, OnnxCases.Measure(network, sure, new Readout(Link.Identity))!);

        probability.Scale.Should().Be(1);
        affine.Scale.Should().Be(400);
        probability.MaxErrors.Zip(affine.MaxErrors).Should().OnlyContain(e => Math.Abs(e.First - e.Second * 400 / divisor) <= 1e-6 * e.First);
    }

    [Fact]
    public void StepsFor_is_the_start_of_the_tail_that_stays_below()
    {
        var curve = new UnrollCurve(OnnxForm.Unrolled, 1, 1, [0.5f, 0.01f, 0.2f, 0.05f, 0.001f, 0.002f], [0, 0, 0, 0, 0, 0]);
        curve.StepsFor(1).Should().Be(1);
        curve.StepsFor(0.3).Should().Be(2);
        curve.StepsFor(0.1).Should().Be(4, "the error at step 2 does not stay");
        curve.StepsFor(0.0021).Should().Be(5);
        curve.StepsFor(0.0015).Should().BeNull();
        new UnrollCurve(OnnxForm.Unrolled, 0, 0, [], []).StepsFor(1).Should().BeNull();
    }

    [Fact]
    public void A_larger_bound_never_needs_more_steps() => Gen.Select(Gen.Float[0, 1].Array[1, 30], Gen.Double[0, 1], Gen.Double[0, 1]).Sample((errors, a, b) =>
    {
        var curve = new UnrollCurve(OnnxForm.Unrolled, 1, 1, errors, errors);
        var (fine, coarse) = (curve.StepsFor(Math.Min(a, b)) ?? int.MaxValue, curve.StepsFor(Math.Max(a, b)) ?? int.MaxValue);
        coarse.Should().BeLessThanOrEqualTo(fine);
    });

    [Fact]
    public void No_rows_and_no_equilibrium_give_no_curve()
    {
        var network = new DeqNetwork([3], [1], [0], [1], [0], Activation.ReLU);
        OnnxCases.Measure(network, [new float[] { -1 }, new float[] { float.NaN }]).Should().BeNull();
        OnnxCases.Measure(network, []).Should().BeNull();
        // z = tanh(...) of norm 3 with a cycle: Anderson may find the equilibrium, plain iteration does not settle.
        var cycling = new DeqNetwork([-3], [1], [1], [1], [0], Activation.Tanh);
        OnnxCases.Measure(cycling, [new float[] { 1 }])?.StepsFor(1e-3).Should().BeNull();
    }

    /// <summary>A row whose float32 iterates ran away to NaN was passed over, and the curve of the other rows promised a number of steps.</summary>
    [Fact]
    public void A_row_that_runs_away_counts_as_infinitely_wrong()
    {
        // z1 = 2 z1 - z2 + 2, z2 = 3: plain iteration doubles its distance from the equilibrium z1 = 1 each step; Anderson finds it. The other row is dead.
        var network = new DeqNetwork([2, -1, 0, 0], [2, 3], [0, 0], [1, 0], [0], Activation.ReLU);
        var curve = OnnxCases.Measure(network, [new float[] { 1 }, new float[] { -1 }]);
        curve.Should().NotBeNull();
        curve!.Scale.Should().Be(1);
        curve.MaxErrors[^1].Should().Be(float.PositiveInfinity);
        curve.StepsFor(1e-2).Should().BeNull();
    }

    [Fact]
    public void Outputs_that_are_all_zero_have_absolute_errors()
    {
        var network = new DeqNetwork([0.5f], [1], [0], [0], [0], Activation.ReLU);
        var curve = OnnxCases.Measure(network, [new float[] { 1 }])!;
        curve.Scale.Should().Be(0);
        curve.MaxErrors.Should().OnlyContain(e => e == 0);
        curve.StepsFor(1e-6).Should().Be(1);
    }

    [Fact]
    public void The_float64_reference_agrees_with_Newton() => Gen.Select(RandomCell.Within(0.1, 0.99), Gen.Enum<Activation>()).Sample((cell, activation) =>
    {
        var y = cell.Network(activation).EvaluateFloat64(cell.X);
        var expected = cell.Outputs64(activation);
        Linear.Distance(y, expected).Should().BeLessThan(1e-11 * (1 + Linear.Norm(cell.Equilibrium(activation))) / (1 - cell.Norm));
    });
}

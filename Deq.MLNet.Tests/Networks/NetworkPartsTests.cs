using CsCheck;
using Deq.MLNet.Networks;
using Deq.MLNet.Tests.Onnx;

namespace Deq.MLNet.Tests.Networks;

/// <summary>Networks with encoder, skip connection and layer-normalised cell, one by one and together.</summary>
public class NetworkPartsTests
{
    /// <summary>By plain iteration, as the reference: mixed steps may go round a kink of a layer-normalised cell.</summary>
    private static readonly EquilibriumSettings Fine = new(new Picard(), new Tolerance(1e-6), 1_000);

    [Fact]
    public void Evaluate_and_Solve_agree_with_float64() => RandomNetwork.Any.Sample(drawn =>
    {
        var (network, x) = (drawn.Network(scoring: Fine), drawn.Row(0));
        if (Reference(network, x) is not { } exact)
        {
            return;
        }
        var z = new float[network.StateSize];
        var solution = network.Solve(x, new float[network.ScratchSize], z);

        solution.Status.Should().BeOneOf(SolveStatus.Converged, SolveStatus.AtPrecisionLimit);
        var allowed = 1e-5 * (1 + Linear.Norm(exact.Z)) * exact.ErrorPerResidual;
        Linear.Distance(Linear.ToDouble(z), exact.Z).Should().BeLessThan(allowed);
        Linear.Distance(Linear.ToDouble(network.Evaluate(x)), Float64.Evaluate(network, x)).Should().BeLessThan(allowed * (1 + Linear.Norm(Linear.ToDouble(network.V.Span))));
        Linear.Distance(network.EvaluateFloat64(x), Float64.Evaluate(network, x)).Should().BeLessThan(1e-10 * exact.ErrorPerResidual * (1 + Linear.Norm(exact.Z)));
    }, iter: LongForm.Times(150));

    /// <summary>Sums around 3 that differ by little: their rounding is stretched by the normalisation, and no residual falls below it. A tolerance below float32 must end there.</summary>
    [Fact]
    public void A_layer_normalised_cell_is_solved_to_its_precision_and_no_further() => Gen.Int[0, 1_000_000].Sample(seed =>
    {
        const int Size = 16;
        var random = new Random(seed);
        float[] Values(int count, double deviation) => RandomCell.Values(random, count, deviation);
        var network = new DeqNetwork(RandomCell.WithNorm(random, Size, 0.02), Values(Size, 0.03), [.. Values(Size, 0.05).Select(v => v + 3)], Values(Size, 1), [0], Activation.Tanh,
            scoring: new EquilibriumSettings(new Picard(0.9f), new Tolerance(1e-12), 2_000), gain: Values(Size, 1), shift: Values(Size, 0.5));
        if (Reference(network, [1]) is not { ErrorPerResidual: < 8 } exact)
        {
            return;
        }
        var z = new float[Size];
        var solution = network.Solve([1], new float[network.ScratchSize], z);

        solution.Status.Should().BeOneOf(SolveStatus.Converged, SolveStatus.AtPrecisionLimit);
        solution.Iterations.Should().BeLessThan(100);
        // 3 eps sqrt(d) / 0.05 is 3e-5.
        Linear.Distance(Linear.ToDouble(z), exact.Z).Should().BeInRange(1e-8, 1e-4 * exact.ErrorPerResidual);
    }, iter: LongForm.Times(200));

    [Fact]
    public void A_folded_network_is_the_map_then_the_network_then_the_map() => RandomNetwork.Any.Sample(drawn =>
    {
        var (network, random) = (drawn.Network(scoring: Fine), new Random(drawn.Seed));
        AffineMap Map(int size) => new([.. Enumerable.Range(0, size).Select(_ => 0.5 + random.NextDouble())], [.. Enumerable.Range(0, size).Select(_ => 2 * random.NextDouble() - 1)]);
        var (input, output, x) = (Map(drawn.Inputs), Map(drawn.Outputs), drawn.Row(1));
        float[] mapped = [.. x.Select((v, i) => (float)input.Apply(i, v))];
        if (Reference(network, mapped) is not { ErrorPerResidual: < 30 })
        {
            return;
        }
        var folded = network.Fold(input, output);

        var expected = Float64.Evaluate(network, mapped).Select((v, i) => output.Apply(i, v)).ToArray();
        Linear.Distance(Linear.ToDouble(folded.Evaluate(x)), expected).Should().BeLessThan(1e-4 * (1 + Linear.Norm(expected)));
        folded.Certificate.Should().Be(network.Certificate);
        folded.Weights.Shape.Should().BeEquivalentTo(network.Weights.Shape);
    }, iter: LongForm.Times(100));

    /// <summary>What float32 unrolling leaves is measured against the same network in float64.</summary>
    [Fact]
    public void The_unroll_curve_is_that_of_plain_iteration() => RandomNetwork.Of(10).Sample(drawn =>
    {
        var network = drawn.Network();
        var rows = Enumerable.Range(0, 3).Select(drawn.Row).ToList();
        if (rows.Any(x => Reference(network, x) is not { ErrorPerResidual: < 20 }))
        {
            return;
        }
        var curve = OnnxCases.Measure(network, [.. rows.Select(x => (ReadOnlyMemory<float>)x)])!;

        var exact = rows.Select(x => Float64.Evaluate(network, x)).ToList();
        var scale = exact.Max(y => y.Max(Math.Abs));
        ((double)curve.Scale).Should().BeApproximately(scale, 1e-5 * scale);
        var states = rows.Select(_ => new double[network.StateSize]).ToList();
        foreach (var measured in curve.MaxErrors.Take(12))
        {
            states = [.. states.Select((z, r) => Float64.Cell(network, rows[r]).Apply(z))];
            var error = states.Select((z, r) => Float64.Read(network, rows[r], z).LargestDifference(exact[r])).Max() / scale;
            ((double)measured).Should().BeApproximately(error, 1e-4 * (1 + states.Max(Linear.Norm) / scale));
        }
    }, iter: LongForm.Times(30));

    [Fact]
    public void Each_part_changes_the_outputs()
    {
        var whole = new RandomNetwork(6, 3, 2, 0.5, Activation.Tanh, [4], true, true, 3).Network();
        var x = new[] { 1f, -0.5f, 0.25f };
        DeqNetwork With(ReadOnlyMemory<float> s, ReadOnlyMemory<float> gain, ReadOnlyMemory<float> shift, IReadOnlyList<DenseLayer> encoder) =>
            new(whole.W.Span, whole.U.Span, whole.B.Span, whole.V.Span, whole.C.Span, Activation.Tanh, s: s.Span, encoder: encoder, gain: gain.Span, shift: shift.Span);
        var others = new[]
        {
            With(whole.S, whole.Gain, whole.Shift, whole.Encoder),
            With(default, whole.Gain, whole.Shift, whole.Encoder),
            With(whole.S, default, whole.Shift, whole.Encoder),
            With(whole.S, whole.Gain, default, whole.Encoder),
            With(whole.S, default, default, whole.Encoder),
            With(whole.S, whole.Gain, whole.Shift, [new DenseLayer(whole.Encoder[0].Weights, new float[4])]),
        };
        others[0].Evaluate(x).Should().Equal(whole.Evaluate(x));
        others.Select(n => string.Join(' ', n.Evaluate(x))).Should().OnlyHaveUniqueItems();
        others[2].Gain.ToArray().Should().OnlyContain(v => v == 1);
        others[3].Shift.ToArray().Should().OnlyContain(v => v == 0);
        others[4].Gain.IsEmpty.Should().BeTrue();
    }

    [Fact]
    public void Nothing_is_proved_of_a_layer_normalised_cell()
    {
        var normalized = new DeqNetwork([0.5f], [1], [0], [1], [0], Activation.ReLU, rule: WellPosedness.Spectral(), gain: [1]);
        var plain = new DeqNetwork([0.5f], [1], [0], [1], [0], Activation.ReLU, rule: WellPosedness.Spectral());

        (plain.Certificate.IsProved, normalized.Certificate.IsProved).Should().Be((true, false));
        normalized.Certificate.RuleHolds.Should().BeTrue();
        normalized.Certificate.IterationsFor(0.1).Should().BeNull();
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused_by_name()
    {
        // d = 2, n = 3, K = 1; an encoder of 3 -> 4.
        var layer = new DenseLayer(new float[12], new float[4]);
        Refused(() => Make(s: 2), "s has 2 values; its shape K x n needs 3.*");
        Refused(() => Make(gain: 3), "gain has 3 values; its shape d needs 2.*");
        Refused(() => Make(shift: 1), "shift has 1 values; its shape d needs 2.*");
        Refused(() => Make(u: 6, encoder: [layer]), "u has 6 values; its shape d x the last encoder layer needs 8.*");
        Refused(() => Make(u: 8, encoder: [layer, new DenseLayer(new float[5], new float[1])]), "Layer 1 has 5 weights and 1 outputs; with 4 inputs it needs 4 weights.*");
        Refused(() => Make(u: 8, encoder: [new DenseLayer(new float[12], new[] { 0, 0, 0, float.NaN })]), "Layer 0 holds a value that is not finite.*");
        Refused(() => new DeqNetwork([0], [0], [0], [0], [0], Activation.ReLU, s: [float.NaN]), "S holds a value that is not finite.*");
        Refused(() => new DeqNetwork([0], [0], [0], [0], [0], Activation.ReLU, gain: [float.NaN]), "gain holds a value that is not finite.*");
        Refused(() => new DeqNetwork([0], [0], [0], [0], [0], Activation.ReLU, scoring: new EquilibriumSettings(new Newton()), gain: [1]), "scoring is Newton, which does not serve a layer-normalised cell. Use Picard, Anderson*");
        Make(u: 8, s: 3, gain: 2, encoder: [layer]).Should().BeEquivalentTo(new { InputSize = 3, StateSize = 2, OutputSize = 1, ParameterCount = 4 + 8 + 2 + 2 + 1 + 3 + 2 + 2 + 12 + 4 }, o => o.ExcludingMissingMembers());

        static DeqNetwork Make(int u = 6, int s = 0, int gain = 0, int shift = 0, IReadOnlyList<DenseLayer>? encoder = null) =>
            new(new float[4], new float[u], new float[2], new float[2], new float[1], Activation.ReLU, s: new float[s], encoder: encoder, gain: new float[gain], shift: new float[shift]);
        static void Refused(Func<object> make, string message) => make.Should().Throw<ArgumentException>().WithMessage(message);
    }

    /// <summary>The equilibrium, and what an error of it is for a residual of 1; null where it is none that iteration surely finds.</summary>
    internal static (double[] Z, double ErrorPerResidual)? Reference(DeqNetwork network, ReadOnlySpan<float> x)
    {
        var cell = Float64.Cell(network, x);
        if (cell.Equilibrium() is not { } z)
        {
            return null;
        }
        var stretch = Linear.SingularValues(cell.Jacobian(z), z.Length)[0];
        return stretch < 0.97 ? (z, 1 / (1 - stretch)) : null;
    }
}

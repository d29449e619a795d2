using CsCheck;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

/// <summary>Products with one vector, in each form, against float64.</summary>
public class RowKernelsTests
{
    private static readonly VectorForm[] Forms = Enum.GetValues<VectorForm>();

    private static readonly Gen<int> Size = Gen.OneOf(Gen.Int[1, 140], Gen.OneOfConst(7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 128, 130, 255, 512));

    [Fact]
    public void Every_form_agrees_with_float64_at_every_size() => Gen.Select(Size, Size, Gen.Enum<Activation>(), Gen.OneOfConst(0, 0.5, 1), Gen.Int[0, 100_000]).Sample((rows, columns, activation, zeros, seed) =>
    {
        var random = new Random(seed);
        var (a, bias) = (RandomCell.Values(random, rows * columns, 1), RandomCell.Values(random, rows, 1));
        var x = Sparse(random, columns, zeros);
        var sums = Linear.Affine(Linear.ToDouble(a), Linear.ToDouble(x), Linear.ToDouble(bias));
        foreach (var form in Forms)
        {
            var y = Guarded(rows, out var all);
            activation.Kernels(form).Apply(new PackedMatrix(a, rows, columns, form), x, bias, y);
            all[0].Should().Be(7);
            all[^1].Should().Be(7, "nothing is written behind the end");
            for (var i = 0; i < rows; i++)
            {
                var terms = Math.Abs(bias[i]) + Enumerable.Range(0, columns).Sum(j => Math.Abs((double)a[i * columns + j] * x[j]));
                // No slope is above 1.13.
                ((double)y[i]).Should().BeApproximately(Phi.Of(activation, sums[i]), 1.2e-6 * terms + 1e-6, "{0} {1}x{2}", form, rows, columns);
            }
        }
    }, iter: LongForm.Times(200));

    [Fact]
    public void A_step_tells_what_it_changed() => Gen.Select(Size, Gen.Enum<Activation>(), Gen.OneOfConst(0, 0.5, 1), Gen.Int[0, 100_000]).Sample((size, activation, zeros, seed) =>
    {
        var random = new Random(seed);
        var (a, bias, x) = (RandomCell.Values(random, size * size, 1), RandomCell.Values(random, size, 1), Sparse(random, size, zeros));
        foreach (var form in Forms)
        {
            var (kernels, packed) = (activation.Kernels(form), new PackedMatrix(a, size, size, form));
            var (y, plain) = (new float[size], new float[size]);
            var (distance, norm) = kernels.Step(packed, x, bias, y);
            kernels.Apply(packed, x, bias, plain);
            y.Should().Equal(plain);
            var (y64, x64) = (Linear.ToDouble(y), Linear.ToDouble(x));
            Math.Sqrt(distance).Should().BeApproximately(Linear.Distance(y64, x64), 3e-6 * Linear.Distance(y64, x64));
            Math.Sqrt(norm).Should().BeApproximately(Linear.Norm(y64), 3e-6 * Linear.Norm(y64));
        }
    }, iter: LongForm.Times(100));

    [Fact]
    public void The_sums_may_begin_where_the_results_go()
    {
        foreach (var (form, rows) in Forms.SelectMany(f => new[] { 1, 5, 40, 300 }, (f, rows) => (f, rows)))
        {
            var random = new Random(rows);
            var (a, x, b) = (RandomCell.Values(random, rows * 9, 1), RandomCell.Values(random, 9, 1), RandomCell.Values(random, rows, 1));
            var (kernels, packed, y) = (Activation.Tanh.Kernels(form), new PackedMatrix(a, rows, 9, form), new float[rows]);
            kernels.Apply(packed, x, b, y);
            kernels.Apply(packed, x, b, b);
            b.Should().Equal(y);
        }
    }

    [Fact]
    public void A_NaN_in_the_vector_reaches_every_row_and_a_zero_none()
    {
        foreach (var (form, rows) in Forms.SelectMany(f => new[] { 1, 5, 40, 300 }, (f, rows) => (f, rows)))
        {
            var (a, x, y) = (new float[rows * 70], new float[70], new float[rows]);
            Array.Fill(a, 1);
            var (kernels, packed) = (Activation.ReLU.Kernels(form), new PackedMatrix(a, rows, 70, form));
            foreach (var (value, place) in new[] { float.NaN, float.PositiveInfinity, 3, 0, -0f }.SelectMany(_ => new[] { 0, 31, 63, 64, 69 }, (v, p) => (v, p)))
            {
                Array.Clear(x);
                x[place] = value;
                kernels.Apply(packed, x, new float[rows], y);
                y.Should().OnlyContain(v => v.Equals(value));
            }
        }
    }

    [Fact]
    public void Functions_are_applied_to_any_length_and_to_nothing_else()
    {
        foreach (var (form, length) in Forms.SelectMany(_ => Enumerable.Range(0, 40), (f, length) => (f, length)))
        {
            foreach (var activation in Enum.GetValues<Activation>())
            {
                var v = Guarded(length, out var all);
                v.Fill(-0.7f);
                activation.Kernels(form).Activate(v);
                v.ToArray().All(y => Math.Abs(y - Phi.Of(activation, -0.7f)) < 1e-7).Should().BeTrue();
                (all[0], all[^1]).Should().Be((7, 7));
            }
        }
    }

    private static float[] Sparse(Random random, int length, double zeros) => [.. RandomCell.Values(random, length, 1).Select(v => random.NextDouble() < zeros ? 0 : v)];

    private static Span<float> Guarded(int length, out float[] all)
    {
        all = new float[length + 2];
        Array.Fill(all, 7);
        return all.AsSpan(1, length);
    }
}

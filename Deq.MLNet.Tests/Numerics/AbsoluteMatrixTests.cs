using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class AbsoluteMatrixTests
{
    /// <summary>Dense, sparse (with zero rows and several classes of states), and graded over many decades.</summary>
    private static readonly Gen<(float[] W, int Size)> Matrices =
        from size in Gen.Int[1, 24]
        from zeros in Gen.OneOfConst(0, 0.5, 0.9)
        from decades in Gen.OneOfConst(0, 6)
        from seed in Gen.Int[0, 1_000_000]
        let random = new Random(seed)
        select (RandomCell.Values(random, size * size, 1).Select(v => random.NextDouble() < zeros ? 0 : v * (float)Math.Pow(10, -decades * random.NextDouble())).ToArray(), size);

    [Fact]
    public void The_largest_row_sum_is_never_below_the_exact_one() => Matrices.Sample((w, size) =>
    {
        AbsoluteMatrix.LargestRowSum(w, size).Should().BeInRange(w.Chunk(size).Max(Sum), w.Chunk(size).Max(Sum) * (1 + 1e-13));
        AbsoluteMatrix.LargestRowSum([.. w.Select((v, i) => i % (size + 1) == 0 ? v : 0)], size).Should().Be(Enumerable.Range(0, size).Max(i => Math.Abs(w[i * (size + 1)])), "a sum of one term is not rounded");
    }, iter: LongForm.Times(100));

    /// <summary>The sum of magnitudes with what every addition rounded off (Neumaier 1974).</summary>
    private static double Sum(float[] row)
    {
        var (sum, lost) = (0.0, 0.0);
        foreach (double value in row.Select(Math.Abs))
        {
            var next = sum + value;
            lost += sum >= value ? sum - next + value : value - next + sum;
            sum = next;
        }
        return sum + lost;
    }

    [Fact]
    public void The_Perron_bound_is_that_of_its_vector_and_comes_down_to_the_root() => Matrices.Sample((w, size) =>
    {
        var (root, s) = AbsoluteMatrix.Perron(w, size);
        var exact = RuleReference.PerronRoot(Linear.ToDouble(w), size);

        s.Should().OnlyContain(v => v > 0);
        root.Should().BeGreaterThanOrEqualTo(Enumerable.Range(0, size).Max(i => Enumerable.Range(0, size).Sum(j => Math.Abs((double)w[i * size + j]) * s[j]) / s[i]) * (1 - 1e-14));
        root.Should().BeGreaterThanOrEqualTo(exact * (1 - 1e-10));
        if (w.All(v => v != 0))
        {
            root.Should().BeLessThanOrEqualTo(exact * (1 + 1e-6));
        }
    }, iter: LongForm.Times(60));

    /// <summary>Power iteration alone cycles on these, or stops at another eigenvalue.</summary>
    [Theory]
    [InlineData(new[] { 0f, 4, 0.25f, 0 }, 1f)] // eigenvalues 1 and -1
    [InlineData(new[] { 0f, -0.9f, 0.9f, 0 }, 0.9f)] // a rotation
    [InlineData(new[] { 0.5f, 0, 0, 0.5f }, 0.5f)] // one eigenvalue twice
    [InlineData(new[] { 0.1f, 0, 0, 0.7f }, 0.7f)] // two classes of states
    [InlineData(new[] { 0f, 0, 0, 0 }, 0f)]
    public void The_Perron_root_of_two_states_is_known(float[] w, float root)
    {
        AbsoluteMatrix.Perron(w, 2).Root.Should().BeInRange(root * (1 - 1e-15), root + 1e-8);
    }

    /// <summary>The root of a nilpotent matrix is 0, and no positive vector proves it; the bound stays one.</summary>
    [Fact]
    public void The_Perron_bound_of_a_nilpotent_matrix_is_small()
    {
        AbsoluteMatrix.Perron([0f, 100, 0, 0], 2).Root.Should().BeInRange(0, 0.5);
    }

    [Fact]
    public void The_bound_on_a_triangular_inverse_lies_above_its_norm_and_not_far() => Gen.Select(Gen.Int[1, 24], Gen.Double[0.1, 1], Gen.Int[0, 1_000_000]).Sample((size, deviation, seed) =>
    {
        var w = RandomCell.Values(new Random(seed), size * size, deviation / Math.Sqrt(size)).Select((v, i) => i % size < i / size ? v : 0).ToArray();
        var system = w.Select((v, i) => (i % (size + 1) == 0 ? 1 : 0) - 1.129 * Math.Abs((double)v)).ToArray();
        var columns = Enumerable.Range(0, size).Select(j => Linear.Solve(system, [.. Enumerable.Range(0, size).Select(i => i == j ? 1.0 : 0)])).ToArray();
        var norm = Linear.SingularValues([.. columns.SelectMany(c => c)], size)[0];

        AbsoluteMatrix.TriangularInverse(w, size, 1.129).Should().BeInRange(norm * (1 - 1e-12), 4 * norm);
    }, iter: LongForm.Times(60));

    [Fact]
    public void The_inverse_of_two_states_has_a_closed_form()
    {
        // (I - |W|)^-1 = [1 0; 3 1]: both norms are 4.
        AbsoluteMatrix.TriangularInverse([0, 0, -3, 0], 2, 1).Should().BeApproximately(4, 1e-12);
        AbsoluteMatrix.TriangularInverse([0], 1, 1).Should().Be(1);
    }
}

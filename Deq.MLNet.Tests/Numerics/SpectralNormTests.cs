using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class SpectralNormTests
{
    [Theory]
    [InlineData(1f)]
    [InlineData(1e30f)]
    [InlineData(1e-30f)]
    public void Agrees_with_a_Jacobi_decomposition(float unit) => Gen.Select(Gen.Int[1, 40], Gen.Int[0, 100_000]).Sample((size, seed) =>
        Agree(RandomCell.Values(new Random(seed), size * size, unit), size), iter: LongForm.Times(60));

    [Fact]
    public void Sparse_and_graded_matrices_agree_too() => Gen.Select(Gen.Int[1, 25], Gen.Int[0, 100_000], Gen.Int[0, 60]).Sample((size, seed, decades) =>
    {
        var random = new Random(seed);
        var matrix = RandomCell.Values(random, size * size, 1).Select(v => random.Next(3) == 0 ? 0 : v * (float)Math.Pow(10, random.NextDouble() * -decades / 2)).ToArray();
        Agree(matrix, size);
    }, iter: LongForm.Times(60));

    [Fact]
    public void The_zero_matrix_and_the_empty_one_have_norm_zero()
    {
        SpectralNorm.Of(new float[25], 5).Should().Be(0);
        SpectralNorm.Of<float>([], 0).Should().Be(0);
    }

    [Fact]
    public void A_rank_one_matrix_has_the_product_of_its_factors_norms()
    {
        var random = new Random(1);
        var (u, v) = (Integers(random, 17), Integers(random, 17));
        var matrix = u.SelectMany(a => v.Select(b => a * b)).ToArray();
        SpectralNorm.Of(matrix, 17).Should().BeApproximately(Linear.Norm(Linear.ToDouble(u)) * Linear.Norm(Linear.ToDouble(v)), 1e-9);

        static float[] Integers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-9, 10))];
    }

    [Fact]
    public void A_diagonal_matrix_has_its_largest_magnitude()
    {
        float[] diagonal = [0.5f, -7, 3, 0, 6.999f, 7];
        var matrix = new float[36];
        for (var i = 0; i < 6; i++)
        {
            matrix[i * 7] = diagonal[i];
        }
        SpectralNorm.Of(matrix, 6).Should().BeApproximately(7, 1e-10).And.BeGreaterThanOrEqualTo(7 * (1 - 1e-11));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(64)]
    public void All_singular_values_of_a_Hadamard_matrix_are_equal(int size)
    {
        // Orthogonal times sqrt(size), with entries that float32 holds exactly.
        var matrix = new float[size * size];
        for (var i = 0; i < matrix.Length; i++)
        {
            matrix[i] = int.IsEvenInteger(int.PopCount(i / size & i % size)) ? 1 : -1;
        }
        SpectralNorm.Of(matrix, size).Should().BeApproximately(Math.Sqrt(size), 1e-10);
    }

    [Fact]
    public void A_nilpotent_matrix_has_a_norm_that_power_iteration_on_it_would_miss()
    {
        var matrix = new float[9];
        (matrix[1], matrix[5]) = (3, 4);
        SpectralNorm.Of(matrix, 3).Should().BeApproximately(4, 1e-10);
    }

    /// <summary>Squares of Gram entries around 1e-156 are denormal, and 2 over such a square is infinite: the norm came out NaN.</summary>
    [Fact]
    public void Entries_of_far_apart_sizes_do_not_make_it_NaN()
    {
        for (var exponent = -45; exponent <= 0; exponent++)
        {
            var tiny = (float)Math.Pow(10, exponent);
            var matrix = new float[16];
            Array.Fill(matrix, tiny);
            (matrix[0], matrix[1], matrix[2], matrix[3]) = (3e38f, 0, 0, 0);
            Agree(matrix, 4);
        }
    }

    private static void Agree(float[] matrix, int size)
    {
        var expected = Linear.SingularValues(Linear.ToDouble(matrix), size)[0];
        var norm = SpectralNorm.Of(matrix, size);
        norm.Should().BeInRange(expected * (1 - 1e-11), expected * (1 + 1e-10));
    }
}

using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class CholeskyTests
{
    private static readonly Gen<(int Size, int Seed)> Systems = Gen.Select(Gen.Int[1, 20], Gen.Int[0, 100_000]);

    [Fact]
    public void Solves_positive_definite_systems() => Systems.Sample(s =>
    {
        var (a, b) = System(s.Size, s.Seed);
        var expected = Linear.Solve(a, b);
        Cholesky.Solve(a, b, 0).Should().BeTrue();
        Linear.Distance(b, expected).Should().BeLessThan(1e-10 * (1 + Linear.Norm(expected)));
    });

    [Fact]
    public void The_ridge_is_added_relative_to_the_trace() => Systems.Sample(s =>
    {
        var (a, b) = System(s.Size, s.Seed);
        var trace = Enumerable.Range(0, s.Size).Sum(i => a[i * s.Size + i]);
        var ridged = a.Select((v, i) => i % (s.Size + 1) == 0 ? v + 0.01 * trace : v).ToArray();
        var expected = Linear.Solve(ridged, b);
        Cholesky.Solve(a, b, 0.01).Should().BeTrue();
        Linear.Distance(b, expected).Should().BeLessThan(1e-11 * (1 + Linear.Norm(expected)));
    });

    [Theory]
    [InlineData(1e20)]
    [InlineData(1e-20)]
    public void The_solution_does_not_depend_on_the_scale(double scale) => Systems.Sample(s =>
    {
        var (a, b) = System(s.Size, s.Seed);
        var (scaledA, scaledB) = (a.Select(v => v * scale).ToArray(), b.Select(v => v * scale).ToArray());
        Cholesky.Solve(a, b, 1e-3).Should().BeTrue();
        Cholesky.Solve(scaledA, scaledB, 1e-3).Should().BeTrue();
        Linear.Distance(b, scaledB).Should().BeLessThan(1e-11 * (1 + Linear.Norm(b)));
    });

    [Fact]
    public void Systems_that_are_not_positive_definite_are_refused()
    {
        Cholesky.Solve(new double[4], new double[2], 1e-8).Should().BeFalse("a matrix of zeros carries no information");
        Cholesky.Solve([1, 2, 2, 4], new double[2], 0).Should().BeFalse("its rank is one");
        Cholesky.Solve([1, 3, 3, 1], new double[2], 0).Should().BeFalse("it is indefinite");
        Cholesky.Solve([double.NaN], new double[1], 0).Should().BeFalse("NaN is no number");
        Cholesky.Solve([1, double.NaN, double.NaN, 1], new double[2], 0).Should().BeFalse("NaN is no number");
        Cholesky.Solve([1, 2, 2, 4], [1, 2], 1e-8).Should().BeTrue("the ridge makes it definite");
    }

    [Fact]
    public void An_empty_system_has_the_empty_solution() => Cholesky.Solve([], [], 0).Should().BeTrue();

    private static (double[] A, double[] B) System(int size, int seed)
    {
        var random = new Random(seed);
        var m = Linear.ToDouble(RandomCell.Values(random, size * size, 1));
        var a = new double[size * size];
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j < size; j++)
            {
                a[i * size + j] = Enumerable.Range(0, size).Sum(k => m[i * size + k] * m[j * size + k]) + (i == j ? 0.1 : 0);
            }
        }
        return (a, Linear.ToDouble(RandomCell.Values(random, size, 1)));
    }
}

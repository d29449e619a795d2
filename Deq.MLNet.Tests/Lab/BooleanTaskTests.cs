using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class BooleanTaskTests
{
    private static readonly BooleanTask[] All = [BooleanTask.TwoParity, BooleanTask.ThreeSymmetric, BooleanTask.Majority];

    [Fact]
    public void The_interpolator_of_least_degree_is_right_wherever_training_sees()
    {
        foreach (var task in All)
        {
            task.Points(seen: true, 5_000, seed: 1).Should().HaveCount(5_000).And.OnlyContain(x => task.LeastDegree(x) == task.Function(x));
        }
    }

    [Fact]
    public void Its_error_elsewhere_is_known() => All.Select(task => task.LeastDegreeError).Should().Equal(16, 19.25, 4);

    /// <summary>By hand: x0 x1 is 1, -1, -1 at its corners; the sum of three products is x2 - 1.25 x0 + 1.5 x1 of values that do not correlate; the majority is 1 at four corners of six.</summary>
    [Fact]
    public void The_variance_of_what_is_seen_is_known()
    {
        double[] known = [8.0 / 9, 1 + 1.25 * 1.25 + 1.5 * 1.5, 8.0 / 9];
        foreach (var (task, variance) in All.Zip(known))
        {
            task.SeenVariance.Should().BeApproximately(variance, 1e-9, task.Name);
        }
    }

    /// <summary>Among all polynomials of x0, x1, x2 that are right where training sees, found by least squares that penalise a degree a thousand times more than the one below.</summary>
    [Fact]
    public void No_interpolator_has_less_of_the_highest_degrees()
    {
        int[][] monomials = [[], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];
        foreach (var task in All)
        {
            var seen = task.Points(seen: true, 5_000, seed: 1).DistinctBy(x => (x[0], x[1], x[2])).ToArray();
            double[] Row(float[] x) => [.. monomials.Select(monomial => monomial.Aggregate(Math.Pow(1e-3, monomial.Length), (product, i) => product * x[i]))];
            // The least norm of coefficients over their penalties: A' (A A')^-1 y.
            var a = seen.Select(Row).ToArray();
            var shares = Linear.Solve([.. a.SelectMany(row => a.Select(other => row.Zip(other, (p, q) => p * q).Sum()))], [.. seen.Select(task.Function)]);
            foreach (var x in task.Points(seen: false, 50, seed: 2))
            {
                var row = Row(x);
                a.Zip(shares, (other, share) => share * other.Zip(row, (p, q) => p * q).Sum()).Sum().Should().BeApproximately(task.LeastDegree(x), 1e-3, task.Name);
            }
        }
    }

    [Fact]
    public void Points_differ_and_are_the_same_for_a_seed()
    {
        var task = BooleanTask.Majority;
        var points = task.Points(seen: false, int.MaxValue, seed: 3);
        points.Should().HaveCount(1 << 13).And.OnlyContain(x => x[0] == -1 && x[1] == -1);
        points.Select(x => string.Concat(x.Select(v => v > 0 ? '+' : '-'))).Should().OnlyHaveUniqueItems();
        task.Points(seen: false, 100, seed: 3).Should().BeEquivalentTo(points[..100], options => options.WithStrictOrdering());
        task.Points(seen: false, 100, seed: 4).Should().NotBeEquivalentTo(points[..100]);
    }
}

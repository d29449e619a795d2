using CsCheck;
using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class TargetTests
{
    [Fact]
    public void A_sawtooth_is_zero_and_one_at_dyadic_points_in_turn() => Gen.Int[1, 15].SelectMany(k => Gen.Int[0, 1 << k].Select(i => (k, i))).Sample((k, i) =>
    {
        new Sawtooth(k).At(Math.ScaleB(i, -k)).Should().Be(i % 2);
        new Sawtooth(k).At(Math.ScaleB(Math.Min(i + 0.25, (1 << k) - 0.25), -k)).Should().Be(i == 1 << k ? 0.25 : i % 2 == 0 ? 0.25 : 0.75);
    }, iter: LongForm.Times(200));

    [Fact]
    public void A_ramp_rises_between_zero_and_delta()
    {
        foreach (var d in (int[])[2, 10, 20])
        {
            var ramp = new Ramp(d);
            ((double[])[-1, 0, ramp.Delta / 4, ramp.Delta, 1]).Select(x => ramp.At(x)).Should().Equal(0, 0, 0.25, 1, 1);
        }
    }

    [Fact]
    public void Test_points_lie_where_the_target_is_steep_and_half_of_the_rows_too()
    {
        var ramp = new Ramp(10);
        bool IsNear(float[] x) => Math.Abs(x[0]) <= 8 * ramp.Delta;
        ramp.Test().Should().OnlyContain(x => Math.Abs(x[0]) <= 8 * ramp.Delta);
        ramp.Sample(1_000, seed: 1).Count(IsNear).Should().BeInRange(500, 510);
        float[] Values(int seed) => [.. ramp.Sample(1_000, seed).Select(x => x[0])];
        Values(1).Should().Equal(Values(1)).And.NotEqual(Values(2));
    }

    [Fact]
    public void Diamonds_are_sawtooths_of_the_distance_from_the_middle_and_the_tent_of_one_is_the_next() => Gen.Select(Gen.Int[1, 10], Gen.Int[-512, 512], Gen.Int[-512, 512]).Sample((k, i, j) =>
    {
        var (a, b) = (i / 1024.0, j / 1024.0);
        new Diamonds(k).At(0.5 + a, 0.5 + b).Should().Be(new Sawtooth(k).At(Math.Abs(a) + Math.Abs(b))).And.Be(new Diamonds(k).At(0.5 - b, 0.5 + a));
        new Diamonds(k + 1).At(0.5 + a, 0.5 + b).Should().Be(new Sawtooth(1).At(new Diamonds(k).At(0.5 + a, 0.5 + b)));
    }, iter: LongForm.Times(200));

    [Fact]
    public void A_checkerboard_is_zero_and_one_at_the_corners_of_its_fields_in_turn() => Gen.Int[1, 10].SelectMany(k => Gen.Select(Gen.Const(k), Gen.Int[0, 1 << k], Gen.Int[0, 1 << k])).Sample((k, i, j) =>
    {
        var board = new Checkerboard(k);
        var (x, y) = (Math.ScaleB(i, -k), Math.ScaleB(j, -k));
        board.At(x, y).Should().Be((i + j) % 2);
        // In the middle of a field's edge one sawtooth is half way.
        board.At(x, Math.Abs(y - Math.ScaleB(1, -k - 1))).Should().Be(0.5);
        board.At(y, x).Should().Be(board.At(x, y));
    }, iter: LongForm.Times(200));

    [Fact]
    public void The_next_checkerboard_is_no_function_of_the_one_before()
    {
        new Checkerboard(1).At(0, 0.25).Should().Be(new Checkerboard(1).At(0.125, 0.375)).And.Be(0.5);
        new Checkerboard(2).At(0, 0.25).Should().Be(1);
        new Checkerboard(2).At(0.125, 0.375).Should().Be(0);
    }

    [Fact]
    public void Points_of_two_variables_lie_one_in_each_of_equal_parts()
    {
        int[] PointsIn(IEnumerable<float[]> rows, int side) => [.. rows.GroupBy(row => ((int)(row[0] * side), (int)(row[1] * side))).Select(field => field.Count())];
        // Both halves of a sample lie anywhere where the target is steep everywhere.
        PointsIn(new Diamonds(1).Sample(2 * 32 * 32, seed: 1).Take(32 * 32), 32).Should().HaveCount(32 * 32).And.OnlyContain(count => count == 1);
        PointsIn(new Checkerboard(1).Test(), 128).Should().HaveCount(16_384).And.OnlyContain(count => count == 1);
        // 2,048 is no square: strips differ by a point.
        var half = new Diamonds(1).Sample(4_096, seed: 3)[..2_048];
        half.GroupBy(row => (int)(row[0] * 45)).Select(strip => strip.Count()).Should().HaveCount(45).And.OnlyContain(count => count == 45 || count == 46);
        half.Should().OnlyContain(row => row.Length == 2 && row.Min() >= 0 && row.Max() <= 1);
    }

    [Fact]
    public void The_error_of_the_best_constant_is_that_of_the_test_points()
    {
        foreach (var (target, error) in ((Target, double)[])[(new Sawtooth(5), Sawtooth.ConstantError), (new Diamonds(1), 1.0 / 18), (new Diamonds(2), 1.0 / 12), (new Diamonds(4), 1.0 / 12), (new Checkerboard(3), 1.0 / 18)])
        {
            target.Variance.Should().BeApproximately(error, 2e-4, target.Name);
        }
    }

    /// <summary>Of u, the distance from the middle of the ramp: (1/delta - s) u within it, 1/2 - s u beyond, up to 1 / (2 s); squared and integrated, over the width 16 delta.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(10)]
    public void The_least_error_of_a_bounded_slope_is_that_of_a_line_about_the_middle(int halvings)
    {
        var ramp = new Ramp(halvings);
        var (delta, slope) = (ramp.Delta, 0.25 / ramp.Delta);
        var integral = Math.Pow(1 / delta - slope, 2) * Math.Pow(delta / 2, 3) / 3 + Math.Pow(0.5 - slope * delta / 2, 3) / (3 * slope);
        ramp.LeastError(slope).Should().BeApproximately(2 * integral / (16 * delta), 0.02 * 2 * integral / (16 * delta));
        ramp.LeastError(1 / delta).Should().Be(0);
    }

    [Fact]
    public void Rows_of_a_wide_ramp_stay_on_its_interval() => new Ramp(2).Sample(1_000, 1).Should().OnlyContain(row => row[0] >= -1 && row[0] <= 1);
}

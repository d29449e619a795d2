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
            ((double[])[-1, 0, ramp.Delta / 4, ramp.Delta, 1]).Select(ramp.At).Should().Equal(0, 0, 0.25, 1, 1);
        }
    }

    [Fact]
    public void Test_points_lie_where_the_target_is_steep_and_half_of_the_rows_too()
    {
        var ramp = new Ramp(10);
        bool IsNear(float x) => Math.Abs(x) <= 8 * ramp.Delta;
        ramp.Test().Should().OnlyContain(x => Math.Abs(x) <= 8 * ramp.Delta);
        ramp.Sample(1_000, seed: 1).Count(IsNear).Should().BeInRange(500, 510);
        ramp.Sample(1_000, seed: 1).Should().Equal(ramp.Sample(1_000, seed: 1)).And.NotEqual(ramp.Sample(1_000, seed: 2));
    }

    [Fact]
    public void The_constant_error_of_a_sawtooth_is_that_of_its_test_points()
    {
        var y = new Sawtooth(5).Test().Select(x => new Sawtooth(5).At(x)).ToArray();
        y.Average(value => Math.Pow(value - 0.5, 2)).Should().BeApproximately(Sawtooth.ConstantError, 1e-4);
    }
}

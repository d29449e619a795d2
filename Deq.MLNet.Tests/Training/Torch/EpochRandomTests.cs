using Deq.MLNet.Training.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class EpochRandomTests
{
    private const int Rows = 300, Columns = 100;

    private static double[] Draw(int seed = 1, int stream = 0, int epoch = 1, int draw = 0, string device = "cpu", int rows = Rows, ScalarType type = ScalarType.Float32, bool normal = false)
    {
        TorchBackend.EnsureAvailable(device);
        using var scope = NewDisposeScope();
        using var random = new EpochRandom(seed, stream, TorchSharp.torch.device(device));
        random.BeginEpoch(epoch);
        var like = zeros(rows, Columns, type, TorchSharp.torch.device(device));
        Tensor Next() => normal ? random.Normal(like) : random.Uniform(like);
        for (var i = 0; i < draw; i++)
        {
            Next();
        }
        return DeviceReads.Doubles(Next());
    }

    private static double Correlation(IEnumerable<double> a, IEnumerable<double> b) => a.Zip(b, (x, y) => (x - 0.5) * (y - 0.5)).Average() * 12;

    [Fact]
    public void Uniform_numbers_are_spread_evenly()
    {
        var counts = new int[100];
        var values = Enumerable.Range(0, 10).SelectMany(epoch => Draw(epoch: epoch)).ToArray();
        foreach (var value in values)
        {
            value.Should().BeInRange(0, 1 - 1e-9);
            counts[(int)(value * counts.Length)]++;
        }
        var expected = (double)values.Length / counts.Length;

        // Chi-squared of 99 degrees of freedom: mean 99, deviation 14.
        counts.Sum(c => (c - expected) * (c - expected) / expected).Should().BeInRange(40, 160);
    }

    [Fact]
    public void Numbers_of_neighbours_and_of_other_draws_epochs_streams_and_seeds_have_nothing_in_common()
    {
        var values = Draw();
        // The deviation of a correlation of 30,000 pairs is 0.006.
        foreach (var (what, other) in new[]
        {
            ("the next column", [.. values.Skip(1)]), ("the next row", [.. values.Skip(Columns)]), ("the next draw", Draw(draw: 1)), ("the next epoch", Draw(epoch: 2)), ("another stream", Draw(stream: 1)),
            ("the next seed", Draw(seed: 2)), ("minus the seed", Draw(seed: -1)),
        })
        {
            Math.Abs(Correlation(values, other)).Should().BeLessThan(0.025, what);
            values.Zip(other).Count(pair => pair.First == pair.Second).Should().BeLessThan(5, what);
        }
    }

    [Fact]
    public void Bits_are_even_and_independent()
    {
        var words = Draw().Select(v => (int)(v * (1 << 24))).ToArray();
        for (var bit = 0; bit < 24; bit++)
        {
            words.Average(w => w >> bit & 1).Should().BeApproximately(0.5, 0.015, $"bit {bit}");
            words.Average(w => (w >> bit ^ w >> (bit + 7) % 24) & 1).Should().BeApproximately(0.5, 0.015, $"bits {bit} and {(bit + 7) % 24}");
        }
    }

    [Fact]
    public void Normal_numbers_have_the_moments_of_the_normal_distribution()
    {
        var values = Draw(normal: true);

        values.Average().Should().BeApproximately(0, 0.03);
        values.Average(v => v * v).Should().BeApproximately(1, 0.04);
        values.Average(v => v * v * v * v).Should().BeApproximately(3, 0.35);
        values.Average(v => Math.Abs(v) > 1.959964 ? 1 : 0).Should().BeApproximately(0.05, 0.007);
    }

    [Theory, OnDevices]
    public void Every_device_and_type_draws_the_same(string device)
    {
        var expected = Draw();

        Draw(device: device).Should().Equal(expected);
        Draw(device: device, type: ScalarType.Float64).Should().Equal(expected);
        Draw(rows: 7).Should().Equal(expected[..(7 * Columns)], "a row's numbers do not depend on how many rows there are");
    }

    [Fact]
    public void Batches_of_other_shapes_before_change_nothing()
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        using var random = new EpochRandom(3, 0, CPU);
        foreach (var (i, (rows, columns)) in new[] { (4, 3), (2, 3), (9, 3), (9, 5), (1, 1) }.Index())
        {
            using var fresh = new EpochRandom(3, 0, CPU);
            for (var draw = 0; draw < i; draw++)
            {
                fresh.Uniform(zeros(1, 1));
            }
            DeviceReads.Doubles(random.Uniform(zeros(rows, columns))).Should().Equal(DeviceReads.Doubles(fresh.Uniform(zeros(rows, columns))));
        }
    }

    /// <summary>One generator may serve layers of several widths: what tells their places apart was made anew at every draw.</summary>
    [Fact]
    public void Widths_by_turns_send_nothing_to_the_device_again()
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        using var random = new EpochRandom(3, 0, CPU);
        var statistics = DisposeScopeManager.Statistics.TensorStatistics;
        long Round()
        {
            var before = statistics.CreatedInScopeCount;
            foreach (var width in new[] { 64, 32 })
            {
                random.Uniform(empty(5, width));
            }
            return statistics.CreatedInScopeCount - before;
        }
        var first = Round();

        Round().Should().BeLessThan(first).And.Be(Round());
    }
}

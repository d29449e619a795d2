using Deq.MLNet.Training;
using Deq.MLNet.Training.Initial;

namespace Deq.MLNet.Tests.Training.Initial;

public sealed class TimescaleStatesTests
{
    private const int Size = 400;

    private static readonly TrainingData Rows = Setup.Noise(100, 2, 1, 5);

    [Fact]
    public void Gaps_are_log_uniform_and_the_rest_of_a_row_goes_with_its_gap()
    {
        var network = Start(Initialization.LogTimescales(1e-3f, coupling: 0));
        var gaps = Gaps(network);

        gaps.Should().OnlyContain(g => g >= 0.999e-3 && g <= 1);
        // A uniform logarithm has its quartiles at quarters, within three deviations of the share of 400.
        foreach (var share in new[] { 0.25, 0.5, 0.75 })
        {
            ((double)gaps.Count(g => Math.Log(g) / Math.Log(1e-3) < share) / Size).Should().BeApproximately(share, 3 * Math.Sqrt(share * (1 - share) / Size));
        }
        network.W.ToArray().Where((_, i) => i % Size != i / Size).Should().OnlyContain(w => w == 0);
        // U is of deviation gap / sqrt(n), by its root mean square of 800.
        var u = network.U.ToArray().Select((v, i) => v / gaps[i / 2]).ToArray();
        Math.Sqrt(u.Average(v => v * v)).Should().BeApproximately(Math.Sqrt(0.5), 0.05);
        for (var state = 0; state < Size; state++)
        {
            Enumerable.Range(0, 100).Min(row => Math.Abs(Float64.Injection(network, Rows.Row(row).Span)[state])).Should().BeLessThan(1e-6);
        }
    }

    [Fact]
    public void The_coupling_is_a_share_of_the_gap()
    {
        var network = Start(Initialization.LogTimescales(1e-2f, coupling: 0.3f));
        var gaps = Gaps(Start(Initialization.LogTimescales(1e-2f, coupling: 0)));
        var off = network.W.ToArray().Where((_, i) => i % Size != i / Size).Select((w, i) => w / gaps[i / (Size - 1)]).ToArray();

        Math.Sqrt(off.Average(w => w * w)).Should().BeApproximately(0.3 / Size, 0.01 * 0.3 / Size);
    }

    private static DeqNetwork Start(Initialization how) => (DeqNetwork)(Setup.Deq(Size, Activation.ReLU, WellPosedness.None) with { Initialization = how })
        .Initialize(2, 1, Link.Identity, new bool[2], new Random(3), StartColumns.Of(Rows, Size));

    private static double[] Gaps(DeqNetwork network) => [.. Enumerable.Range(0, Size).Select(i => 1 - (double)network.W.Span[i * Size + i])];
}

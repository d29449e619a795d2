using Deq.MLNet.Training.Simd;

namespace Deq.MLNet.Tests.Training.Simd;

public sealed class RowIterationsTests
{
    /// <summary>With W = 0 every solve ends at its second iteration, the first whose residual is zero, and rows go in groups of eight.</summary>
    [Theory]
    [InlineData(16, 16)]
    [InlineData(13, 16)]
    [InlineData(100, 104)]
    public void Counts_the_iterations_of_both_solves_for_rows_with_their_padding(int rows, int computed)
    {
        const int size = 5;
        var data = Setup.Noise(rows, features: 3, outputs: 1, seed: 1);
        var cell = new RandomCell(size, 3, 1, 0.5, 1).Fill();
        var network = new DeqNetwork(new float[size * size], cell.U, cell.B, cell.V, cell.C, Activation.Tanh);
        using var engine = new SimdEngine(Setup.Settings(Setup.Deq(size)), network);
        engine.Attach(data);
        engine.BeginEpoch(1);

        engine.Step([.. Enumerable.Range(0, rows)], 1e-3);

        engine.ReadMetrics().RowIterations.Should().Be(2 * 2 * computed);
        engine.ReadMetrics().RowIterations.Should().Be(0, "they were read");
    }
}

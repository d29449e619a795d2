using CsCheck;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>What rounding adds to the map of a state, by which rows are said to be at the limit of precision.</summary>
public sealed class RoundingErrorTests
{
    /// <summary>The tensor form left the normalisation out.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_the_same_for_tensors_as_for_rows(bool normalized) => Gen.Select(Gen.Int[3, 24], Gen.Enum<Activation>(), Gen.Int[0, 1_000_000]).Sample((size, activation, seed) =>
    {
        var random = new Random(seed);
        double[] Values(int count, double deviation) => Linear.ToDouble(RandomCell.Values(random, count, deviation));
        var (w, u, z, gain, shift) = (Values(size * size, 0.3), Values(size, 2), Values(size, 1), Values(size, 1), Values(size, 0.5));
        var cell = new CellWeights<double>(w, activation, normalized ? gain : null, normalized ? shift : null);
        var managed = new Cell<double>(cell, u).RoundingError(z);

        var tensors = OfTensors(w, u, z, activation, normalized ? gain : null, shift, ScalarType.Float64);

        tensors.Should().BeApproximately(managed, 1e-5 * managed);
        var wider = managed * Math.Pow(2, 29);
        OfTensors(w, u, z, activation, normalized ? gain : null, shift, ScalarType.Float32).Should().BeApproximately(wider, 0.01 * wider);
    }, iter: LongForm.Times(60), threads: 1);

    /// <summary>The normalisation divides by the deviation of the sums: where that is small, f is off by far more than the sums are.</summary>
    [Fact]
    public void The_measured_error_of_a_normalised_cell_is_within_it()
    {
        foreach (var size in new[] { 4, 32, 64 })
        {
            var random = new Random(size);
            double[] Values(int count, double deviation) => Linear.ToDouble(RandomCell.Values(random, count, deviation));
            // All sums are about 30.
            var (w, u, z, gain, shift) = (Values(size * size, 0.003), Values(size, 0.01).Select(v => (double)(float)(v + 30)).ToArray(), Values(size, 1), Values(size, 1), Values(size, 0.5));
            double[] exact = new double[size];
            new Cell<double>(new CellWeights<double>(w, Activation.Tanh, gain, shift), u).Apply(z, exact);
            float[] f = new float[size], u32 = Linear.ToFloat(u);
            var cell = new Cell<float>(new CellWeights<float>(Linear.ToFloat(w), Activation.Tanh, Linear.ToFloat(gain), Linear.ToFloat(shift)), u32);
            cell.Apply(Linear.ToFloat(z), f);

            Linear.Distance(Linear.ToDouble(f), exact).Should().BeInRange(1e-6, cell.RoundingError(Linear.ToFloat(z)));
        }
    }

    private static double OfTensors(double[] w, double[] u, double[] z, Activation activation, double[]? gain, double[] shift, ScalarType type)
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Tensor Of(double[] values, params long[] sizes) => tensor(values, sizes).to(type);
        var norm = gain is null ? null : new TensorLayerNorm(new Parameter(Of(gain, u.Length), Of(gain, u.Length)), new Parameter(Of(shift, u.Length), Of(shift, u.Length)));
        return new CellMap(Of(w, u.Length, u.Length), Of(u, 1, u.Length), activation, null, norm).RoundingErrors(Of(z, 1, u.Length)).item<double>();
    }
}

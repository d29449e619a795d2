using System.Numerics.Tensors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Onnx;

/// <summary>What a model gives for some rows, in float64: what errors are measured against.</summary>
internal sealed class ExactOutputs
{
    private readonly IReadOnlyList<Readout> _readouts;
    private readonly double[][] _affine;
    private readonly double[] _scales;
    private readonly double _longestState;

    /// <summary>Computes the rows, those of a deep equilibrium network at their equilibria.</summary>
    /// <param name="network">The network.</param>
    /// <param name="rows">Rows of n features.</param>
    /// <param name="readouts">What a model gives; an error is the largest share among them, each of its own max |y|. None for the network's link.</param>
    public ExactOutputs(Network network, IReadOnlyList<ReadOnlyMemory<float>> rows, params IReadOnlyList<Readout> readouts)
    {
        _readouts = readouts.Count > 0 ? readouts : [new Readout(network.Link)];
        _affine = new double[rows.Count][];
        var lengths = new double[rows.Count];
        var evaluate = Reference(network);
        Parallel.For(0, rows.Count, r => (_affine[r], lengths[r]) = evaluate(rows[r].Span));
        _scales = [.. _readouts.Select(readout => _affine.Select(affine => Math.Abs(TensorPrimitives.MaxMagnitude<double>(readout.Of(affine)))).DefaultIfEmpty(double.NaN).Max())];
        _longestState = lengths.DefaultIfEmpty(double.NaN).Max();
    }

    /// <summary>Whether there are rows, every row's equilibrium was found, and all gives finite outputs.</summary>
    public bool AreKnown => _affine.Length > 0 && _affine.All(affine => Kernels.AllFinite<double>(affine)) && Kernels.AllFinite<double>(_scales);

    /// <summary>max |y| of the first output.</summary>
    public double Scale => _scales[0];

    /// <summary>How large a share of max |y| other affine outputs of a row are off by, at the most.</summary>
    public double Error(int row, double[] affine)
    {
        double largest = 0;
        for (var i = 0; i < _readouts.Count; i++)
        {
            largest = Math.Max(largest, _readouts[i].Error(affine, _affine[row]) / Unit(_scales[i]));
        }
        return largest;
    }

    /// <summary>How large a share of max |y| the outputs of another network are off by, at the most.</summary>
    public double Error(ExactOutputs other) => Enumerable.Range(0, _affine.Length).Max(row => Error(row, other._affine[row]));

    /// <summary>The gain that <see cref="UnrollCurve.StateGain"/> tells.</summary>
    public double StateGain(DeqNetwork network) =>
        _readouts.Zip(_scales, (readout, scale) => readout.Steepness(scale) / Unit(scale)).Max() * _longestState * network.V.ToArray().Chunk(network.StateSize).Max(row => Kernels.Norm<float>(row));

    private delegate (double[] Affine, double StateNorm) RowReference(ReadOnlySpan<float> x);

    private static RowReference Reference(Network network)
    {
        if (network is not DeqNetwork deq)
        {
            var feedForward = new FnnReference((FnnNetwork)network);
            return x => (feedForward.EvaluateAffine(x), 0);
        }
        var reference = new DeqReference(deq);
        return x =>
        {
            var z = new double[deq.StateSize];
            return (reference.EvaluateAffine(x, z), Kernels.Norm<double>(z));
        };
    }

    /// <summary>Errors of outputs that are all zero are not shares.</summary>
    private static double Unit(double scale) => scale > 0 ? scale : 1;
}

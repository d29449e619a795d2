using System.Numerics.Tensors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;
using Deq.MLNet.Onnx.Forms;

namespace Deq.MLNet.Onnx;

/// <summary>Measures the forms of a network on rows: every form is computed as it is written, and its outputs after each step are compared with the float64 equilibrium.</summary>
internal sealed class CurveMeasurement
{
    /// <summary>Rows that are computed together. The number is fixed, so that no result depends on how many threads there are.</summary>
    private const int Block = 64;

    /// <summary>Steps without a smaller movement after which a state that moves by no more than rounding has come to rest.</summary>
    private const int Patience = 20;

    private const float Rounding = 1e-6f;

    private readonly DeqNetwork _network;
    private readonly IReadOnlyList<ReadOnlyMemory<float>> _rows;
    private readonly IReadOnlyList<Readout> _readouts;
    private readonly double[] _scales;
    private readonly float _stateGain;

    /// <summary>Solves the rows in float64.</summary>
    /// <param name="network">The network.</param>
    /// <param name="rows">Rows of n features.</param>
    /// <param name="readouts">What a model gives; an error is the largest share among them, each of its own max |y|. None for the network's link.</param>
    public CurveMeasurement(DeqNetwork network, IReadOnlyList<ReadOnlyMemory<float>> rows, params IReadOnlyList<Readout> readouts)
    {
        (_network, _rows, _readouts) = (network, rows, readouts.Count > 0 ? readouts : [new Readout(network.Link)]);
        var reference = new DeqReference(network);
        Exact = new double[rows.Count][];
        var lengths = new double[rows.Count];
        Parallel.For(0, rows.Count, r =>
        {
            var z = new double[network.StateSize];
            Exact[r] = reference.EvaluateAffine(rows[r].Span, z);
            lengths[r] = Kernels.Norm<double>(z);
        });
        _scales = [.. _readouts.Select(readout => Exact.Select(affine => Math.Abs(TensorPrimitives.MaxMagnitude<double>(readout.Of(affine)))).DefaultIfEmpty(double.NaN).Max())];
        if (IsPossible)
        {
            var slope = _readouts.Zip(_scales, (readout, scale) => readout.Steepness(scale) / (scale > 0 ? scale : 1)).Max();
            _stateGain = (float)(slope * lengths.Max() * network.V.ToArray().Chunk(network.StateSize).Max(row => Kernels.Norm<float>(row)));
        }
    }

    /// <summary>The curves that are measured when a fit ends: of every form that an export may take for the network; none where it is not possible.</summary>
    public static IReadOnlyList<UnrollCurve> All(DeqNetwork network, IReadOnlyList<ReadOnlyMemory<float>> rows, params IReadOnlyList<Readout> readouts)
    {
        var measurement = new CurveMeasurement(network, rows, readouts);
        return measurement.IsPossible ? [.. FormRules.Measured(network).Select(form => measurement.Of(form)!)] : [];
    }

    /// <summary>The affine outputs of each row in float64; NaN where the equilibrium was not found.</summary>
    public double[][] Exact { get; }

    /// <summary>Whether there are rows, and every row's equilibrium was found and gives finite outputs.</summary>
    public bool IsPossible => Exact.Length > 0 && Exact.All(affine => Kernels.AllFinite<double>(affine)) && Kernels.AllFinite<double>(_scales);

    /// <summary>The curve of a form; null where it is not possible.</summary>
    public UnrollCurve? Of(OnnxForm form)
    {
        if (!IsPossible)
        {
            return null;
        }
        var errors = new List<double[]>[(_rows.Count + Block - 1) / Block];
        Parallel.For(0, errors.Length, block => errors[block] = BlockErrors(form, block * Block, Math.Min(Block, _rows.Count - block * Block)));
        var max = new float[errors.Max(e => e.Count)];
        var mean = new float[max.Length];
        for (var k = 0; k < max.Length; k++)
        {
            // Rows that came to rest keep their last error.
            var all = errors.SelectMany(e => e[Math.Min(k, e.Count - 1)]).ToList();
            (max[k], mean[k]) = ((float)all.Max(), (float)all.Average());
        }
        return new UnrollCurve(form, _rows.Count, (float)_scales[0], max, mean) { StateGain = _stateGain };
    }

    /// <summary>The error of each row of a block after 1, 2, ... steps, until all have come to rest.</summary>
    private List<double[]> BlockErrors(OnnxForm form, int first, int count)
    {
        var (d, rest) = (_network.StateSize, new Rest(count));
        var injection = new float[count * d];
        var scratch = new float[_network.ScratchSize];
        for (var r = 0; r < count; r++)
        {
            _network.Inject(_rows[first + r].Span, scratch, injection.AsSpan(r * d, d));
        }
        var graph = new GraphEvaluator();
        graph.AddInput("u", injection, d);
        var cell = new CellGraph(graph, _network, new CellNodes(graph, "deq", _network.Activation, _network.Weights), "u", GraphForms.Of(form).Steps(_network) ?? UnrollCurve.MaxSteps);
        var (affine, errors, before) = (new float[_network.OutputSize], new List<double[]>(), new float[count * d]);
        using var states = GraphForms.Of(form).States(cell).GetEnumerator();
        graph.BeginStep();
        while (!rest.IsWhole && errors.Count < UnrollCurve.MaxSteps && states.MoveNext())
        {
            var z = graph[states.Current];
            var step = new double[count];
            for (var r = 0; r < count; r++)
            {
                var state = z.Slice(r * d, d);
                _network.Read(_rows[first + r].Span, state, affine);
                step[r] = Error(Kernels.ToDouble(affine), Exact[first + r]);
                rest.Observe(r, state, before.AsSpan(r * d, d));
            }
            errors.Add(step);
            z.CopyTo(before);
            graph.BeginStep();
        }
        return errors;
    }

    private double Error(double[] affine, double[] exact)
    {
        double largest = 0;
        for (var i = 0; i < _readouts.Count; i++)
        {
            largest = Math.Max(largest, _readouts[i].Error(affine, exact) / (_scales[i] > 0 ? _scales[i] : 1));
        }
        return largest;
    }

    /// <summary>Which rows' states still move.</summary>
    private sealed class Rest(int rows)
    {
        private readonly float[] _least = [.. Enumerable.Repeat(float.PositiveInfinity, rows)];
        private readonly int[] _since = new int[rows];
        private readonly bool[] _rests = new bool[rows];
        private int _moving = rows;

        public bool IsWhole => _moving == 0;

        public void Observe(int row, ReadOnlySpan<float> state, ReadOnlySpan<float> before)
        {
            if (_rests[row])
            {
                return;
            }
            var movement = TensorPrimitives.Distance(state, before);
            _since[row] = movement < _least[row] ? 0 : _since[row] + 1;
            _least[row] = Math.Min(_least[row], movement);
            // A state that ran away comes to rest as one that is not finite.
            if (movement == 0 || !Kernels.AllFinite(state) || _since[row] >= Patience && movement <= Rounding * TensorPrimitives.Norm(state))
            {
                _rests[row] = true;
                _moving--;
            }
        }
    }
}

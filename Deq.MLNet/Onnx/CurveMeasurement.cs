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

    private const double Rounding = 1e-6;

    private readonly DeqNetwork _network;
    private readonly IReadOnlyList<ReadOnlyMemory<float>> _rows;
    private readonly bool _float16Weights;
    private readonly ExactOutputs _exact;

    /// <summary>Solves the rows in float64.</summary>
    /// <param name="network">The network.</param>
    /// <param name="rows">Rows of n features.</param>
    /// <param name="readouts">What a model gives; an error is the largest share among them, each of its own max |y|. None for the network's link.</param>
    /// <param name="float16Weights">Whether weights are stored as float16, as the network's own are: a form may have others beside them.</param>
    public CurveMeasurement(DeqNetwork network, IReadOnlyList<ReadOnlyMemory<float>> rows, IReadOnlyList<Readout>? readouts = null, bool float16Weights = false) =>
        (_network, _rows, _float16Weights, _exact) = (network, rows, float16Weights, new ExactOutputs(network, rows, readouts ?? []));

    /// <summary>What the rows give at their equilibria.</summary>
    public ExactOutputs Exact => _exact;

    /// <summary>The curves that are measured when a fit ends: of every form that an export may take for the network; none where the rows' equilibria are not found.</summary>
    public static IReadOnlyList<UnrollCurve> All(DeqNetwork network, IReadOnlyList<ReadOnlyMemory<float>> rows, params IReadOnlyList<Readout> readouts)
    {
        var measurement = new CurveMeasurement(network, rows, readouts);
        return measurement._exact.AreKnown ? [.. FormRules.Measured(network).Select(form => measurement.Of(form)!)] : [];
    }

    /// <summary>The curve of a form; null where the rows' equilibria are not found.</summary>
    /// <param name="form">The form.</param>
    /// <param name="steps">Steps at the most; of a form with one value to give those that it may take.</param>
    public UnrollCurve? Of(OnnxForm form, int? steps = null)
    {
        if (!_exact.AreKnown)
        {
            return null;
        }
        // A loop has one value to give, for each tolerance.
        var forms = Enumerable.Range(0, form == OnnxForm.Loop ? UnrollCurve.LoopTolerances : 1).Select(tightened => GraphForms.Of(form, tightened)).ToList();
        var most = steps ?? forms[0].Steps(_network) ?? UnrollCurve.MaxSteps;
        var blocks = new List<(double Max, double Sum)>[(_rows.Count + Block - 1) / Block];
        Parallel.For(0, blocks.Length, block => blocks[block] = [.. forms.SelectMany(f => Errors(f, most, block * Block, Math.Min(Block, _rows.Count - block * Block)))]);
        var max = new float[blocks.Max(errors => errors.Count)];
        var mean = new float[max.Length];
        for (var k = 0; k < max.Length; k++)
        {
            // Rows that came to rest keep their last error.
            max[k] = (float)blocks.Max(errors => errors[Math.Min(k, errors.Count - 1)].Max);
            mean[k] = (float)(blocks.Sum(errors => errors[Math.Min(k, errors.Count - 1)].Sum) / _rows.Count);
        }
        return new UnrollCurve(form, _rows.Count, (float)_exact.Scale, max, mean) { StateGain = (float)_exact.StateGain(_network) };
    }

    /// <summary>The largest error of some rows and the sum of their errors after 1, 2, ... steps, until all have come to rest.</summary>
    private List<(double Max, double Sum)> Errors(IGraphForm form, int most, int first, int count)
    {
        var (d, graph) = (_network.StateSize, new GraphEvaluator());
        var (injection, scratch) = (new float[count * d], new float[_network.ScratchSize]);
        for (var r = 0; r < count; r++)
        {
            _network.Inject(_rows[first + r].Span, scratch, injection.AsSpan(r * d, d));
        }
        graph.AddInput("u", injection, d);
        IOnnxGraph written = _float16Weights ? new HalfWeightsGraph(graph) : graph;
        var cell = new CellGraph(written, _network, new CellNodes(written, "deq", _network.Activation, _network.Weights), "u", most);
        var (errors, rest, before, affine) = (new List<(double, double)>(), new Rest(count), new float[count * d], new float[_network.OutputSize]);
        using var states = form.States(cell).GetEnumerator();
        graph.BeginStep();
        while (!rest.IsWhole && errors.Count < most && states.MoveNext())
        {
            var z = graph[states.Current.Z];
            var carried = graph[states.Current.Carried];
            double max = 0, sum = 0;
            for (var r = 0; r < count; r++)
            {
                var state = z.Slice(r * d, d);
                _network.Read(_rows[first + r].Span, state, affine);
                var error = _exact.Error(first + r, Kernels.ToDouble(affine));
                (max, sum) = (Math.Max(max, error), sum + error);
                rest.Observe(r, carried.Slice(r * d, d), before.AsSpan(r * d, d));
            }
            errors.Add((max, sum));
            carried.CopyTo(before);
            graph.BeginStep();
        }
        return errors;
    }

    /// <summary>Which rows' states still move.</summary>
    private sealed class Rest(int rows)
    {
        private readonly double[] _least = [.. Enumerable.Repeat(double.PositiveInfinity, rows)];
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
            var movement = Kernels.Distance(state, before);
            _since[row] = movement < _least[row] ? 0 : _since[row] + 1;
            _least[row] = Math.Min(_least[row], movement);
            // A state that ran away comes to rest as one that is not finite.
            if (movement == 0 || !Kernels.AllFinite(state) || _since[row] >= Patience && movement <= Rounding * Kernels.Norm(state))
            {
                _rests[row] = true;
                _moving--;
            }
        }
    }
}

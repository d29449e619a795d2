using Deq.MLNet.Equilibrium;

namespace Deq.MLNet.Onnx.Forms;

/// <summary>
/// Peaceman-Rachford splitting (Winston and Kolter 2020, algorithm 2) with the resolvent R = ((1 + step) I - step W)^-1 as a constant, for a phi of straight lines without normalisation:
/// v &lt;- v + 2 R (z - v + step (W z + u - z)), z &lt;- prox(v), two half steps in one. At rest the bracket is zero, whatever the rounding of R.
/// </summary>
internal sealed class PeacemanRachfordForm : IGraphForm
{
    public int? Steps(DeqNetwork network) => null;

    public IEnumerable<FormState> States(CellGraph cell)
    {
        var (graph, network, d) = (cell.Graph, cell.Network, cell.Network.StateSize);
        var step = (network.Scoring.Solver as PeacemanRachford ?? new PeacemanRachford()).Step;
        var twice = graph.AddWeights("deq/twice_resolvent", TwiceTransposed(Splitting.Resolvent(network.Cell, step), d), d, d);
        var stepSize = step == 1 ? null : graph.AddInitializer("deq/step_size", [step], 1);

        // From z = v = 0 the bracket is step u, and nothing is added to.
        var name = cell.StepName(1);
        var bracket = stepSize is null ? cell.Injection : graph.AddNode("Mul", $"{name}/bracket", [cell.Injection, stepSize]);
        var v = graph.AddNode("MatMul", $"{name}/v", [bracket, twice]);
        for (var next = 2; ; next++)
        {
            var z = cell.Proximal(name, v, step);
            // While v moves, z may stand still: at zero, with ReLU.
            yield return new FormState(z, v);
            name = cell.StepName(next);
            var forward = cell.Affine(name, z);
            if (stepSize is not null)
            {
                var scaled = graph.AddNode("Mul", $"{name}/scaled", [graph.AddNode("Sub", $"{name}/change", [forward, z]), stepSize]);
                forward = graph.AddNode("Add", $"{name}/forward", [z, scaled]);
            }
            v = graph.AddNode("Gemm", $"{name}/v", [graph.AddNode("Sub", $"{name}/bracket", [forward, v]), twice, v]);
        }
    }

    /// <summary>Twice the transpose, which is exact.</summary>
    private static float[] TwiceTransposed(float[] resolvent, int d)
    {
        var result = new float[d * d];
        for (var i = 0; i < result.Length; i++)
        {
            result[i % d * d + i / d] = 2 * resolvent[i];
        }
        return result;
    }
}

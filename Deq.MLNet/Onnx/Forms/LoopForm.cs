namespace Deq.MLNet.Onnx.Forms;

/// <summary>
/// Plain iteration in an operator Loop. A row stops where scoring does, at ||f(z) - z|| &lt;= absolute + relative ||f(z)||, or at a lower tolerance, and keeps that f(z); the loop ends
/// when every row has stopped, or after the most iterations. Rows are masked, so that none depends on how long its batch mates take.
/// </summary>
/// <param name="tightened">How often the tolerance of scoring is divided by ten.</param>
internal sealed class LoopForm(int tightened) : IGraphForm
{
    public int? Steps(DeqNetwork network) => network.Scoring.MaxIterations;

    public IEnumerable<FormState> States(CellGraph cell)
    {
        var (graph, tolerance, share) = (cell.Graph, cell.Network.Scoring.Tolerance, Math.Pow(10, -tightened));
        var relative = graph.AddInitializer("deq/loop/relative", [(float)(share * tolerance.Relative)], 1);
        var absolute = graph.AddInitializer("deq/loop/absolute", [(float)(share * tolerance.Absolute)], 1);
        // What W needs stands before the loop, or it would run in every iteration.
        _ = cell.W;

        // From z = 0 the first iteration needs no product.
        var start = cell.Phi("deq/step_01", cell.Injection);
        var running = AddIsApart("deq/step_01", start, start);
        yield return graph.AddLoop("deq/loop", cell.Steps - 1, [start, running], states =>
        {
            var (z, running) = (states[0], states[1]);
            var f = cell.Map("deq/loop", z);
            var next = graph.AddNode("Where", "deq/loop/z", [running, f, z]);
            var apart = AddIsApart("deq/loop", graph.AddNode("Sub", "deq/loop/g", [f, z]), f);
            var stillRunning = graph.AddNode("And", "deq/loop/running", [running, apart]);
            var numbers = graph.AddNode("Cast", "deq/loop/running/number", [stillRunning], null, ("to", (long)OnnxType.Single));
            var any = graph.AddNode("ReduceMax", "deq/loop/running/max", [numbers], null, ("keepdims", 0));
            return (graph.AddNode("Cast", "deq/loop/any_running", [any], null, ("to", (long)OnnxType.Boolean)), [next, stillRunning]);
        })[0];

        // Whether a row does not meet the tolerance, (B, 1); of a NaN that is false, and the row ends.
        string AddIsApart(string name, string g, string f)
        {
            var distance = graph.AddNode("Sqrt", $"{name}/distance", [cell.Dot($"{name}/g_g", g, g)]);
            var norm = graph.AddNode("Sqrt", $"{name}/norm", [cell.Dot($"{name}/f_f", f, f)]);
            var bound = graph.AddNode("Add", $"{name}/bound", [graph.AddNode("Mul", $"{name}/share", [norm, relative]), absolute]);
            return graph.AddNode("Greater", $"{name}/apart", [distance, bound]);
        }
    }
}

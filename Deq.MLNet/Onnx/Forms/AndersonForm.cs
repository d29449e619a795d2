namespace Deq.MLNet.Onnx.Forms;

/// <summary>
/// Anderson mixing with a memory of one step (Walker and Ni 2011), each row by itself: with g = f(z) - z and differences to the step before,
/// z &lt;- f - gamma df, where gamma = (dg, g) / (dg, dg) leaves the least of g.
/// </summary>
internal sealed class AndersonForm : IGraphForm
{
    public int? Steps(DeqNetwork network) => null;

    public IEnumerable<FormState> States(CellGraph cell)
    {
        var graph = cell.Graph;
        // From z = 0 both f and g are phi(u).
        var z = cell.Phi(cell.StepName(1), cell.Injection);
        var (lastF, lastG) = (z, z);
        yield return z;
        // Where g has not changed the quotient is 0 / tiny, and the step a plain one: a row at rest stays there.
        var tiny = graph.AddInitializer("deq/tiny", [SmallestNormal], 1);
        for (var step = 2; ; step++)
        {
            var name = cell.StepName(step);
            var f = cell.Map(name, z);
            var g = graph.AddNode("Sub", $"{name}/g", [f, z]);
            var dg = graph.AddNode("Sub", $"{name}/dg", [g, lastG]);
            var df = graph.AddNode("Sub", $"{name}/df", [f, lastF]);
            var square = graph.AddNode("Max", $"{name}/dg_dg_or_tiny", [cell.Dot($"{name}/dg_dg", dg, dg), tiny]);
            var gamma = graph.AddNode("Div", $"{name}/gamma", [cell.Dot($"{name}/dg_g", dg, g), square]);
            z = graph.AddNode("Sub", $"{name}/z", [f, graph.AddNode("Mul", $"{name}/mixed", [gamma, df])]);
            (lastF, lastG) = (f, g);
            yield return z;
        }
    }

    private const float SmallestNormal = 1.17549435e-38f;
}

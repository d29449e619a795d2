namespace Deq.MLNet.Onnx.Forms;

/// <summary>A way to write the equilibria of B rows as operators of a graph. No row's result depends on its batch mates.</summary>
internal interface IGraphForm
{
    /// <summary>Its number of steps where a form has one value of z to give; null where it goes on step by step.</summary>
    int? Steps(DeqNetwork network);

    /// <summary>
    /// The values of z, (B, d), after 1, 2, ... steps from z = 0, without an end; or the one value of a form whose steps are given.
    /// The nodes of a step are added when its value is asked for, and read those of the two steps before it at the most, beside constants and what stood in the graph before.
    /// </summary>
    IEnumerable<string> States(CellGraph cell);
}

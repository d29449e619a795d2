namespace Deq.MLNet.Onnx.Forms;

/// <summary>A way to write the equilibria of B rows as operators of a graph. No row's result depends on its batch mates.</summary>
internal interface IGraphForm
{
    /// <summary>Its number of steps where a form has one value of z to give; null where it goes on step by step.</summary>
    int? Steps(DeqNetwork network);

    /// <summary>
    /// The states after 1, 2, ... steps from z = 0, without an end; or the one state of a form whose steps are given.
    /// The nodes of a step are added when its value is asked for, and read those of the two steps before it at the most, beside constants and what stood in the graph before.
    /// </summary>
    IEnumerable<FormState> States(CellGraph cell);
}

/// <summary>Where a form is after some steps.</summary>
/// <param name="Z">The value of z, (B, d).</param>
/// <param name="Carried">The value, (B, d), from which the next step follows: a row has come to rest where it no longer changes. In most forms it is z.</param>
internal readonly record struct FormState(string Z, string Carried)
{
    public static implicit operator FormState(string z) => new(z, z);
}

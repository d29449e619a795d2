namespace Deq.MLNet.Onnx.Forms;

/// <summary>Plain iteration, z_{k+1} = phi(W z_k + u).</summary>
internal sealed class PlainForm : IGraphForm
{
    public int? Steps(DeqNetwork network) => null;

    public IEnumerable<FormState> States(CellGraph cell)
    {
        // From z = 0 the first step needs no product.
        var z = cell.Phi(cell.StepName(1), cell.Injection);
        yield return z;
        for (var step = 2; ; step++)
        {
            yield return z = cell.Map(cell.StepName(step), z);
        }
    }
}

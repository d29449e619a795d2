namespace Deq.MLNet.Onnx.Forms;

/// <summary>The forms by their names.</summary>
internal static class GraphForms
{
    public static IGraphForm Of(OnnxForm form) => form switch
    {
        OnnxForm.Unrolled => new PlainForm(),
        _ => throw new ArgumentOutOfRangeException(nameof(form), form, null),
    };
}

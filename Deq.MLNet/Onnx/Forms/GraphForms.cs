namespace Deq.MLNet.Onnx.Forms;

/// <summary>The forms by their names.</summary>
internal static class GraphForms
{
    public static IGraphForm Of(OnnxForm form) => form switch
    {
        OnnxForm.Unrolled => new PlainForm(),
        OnnxForm.UnrolledAnderson => new AndersonForm(),
        OnnxForm.PeacemanRachford => new PeacemanRachfordForm(),
        OnnxForm.ForwardSubstitution => new ForwardSubstitutionForm(),
        OnnxForm.Loop => new LoopForm(),
        _ => throw new ArgumentOutOfRangeException(nameof(form), form, null),
    };
}

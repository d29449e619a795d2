namespace Deq.MLNet.Onnx.Forms;

/// <summary>The forms by their names.</summary>
internal static class GraphForms
{
    /// <param name="form">Not Auto.</param>
    /// <param name="tightened">Of a Loop: how often the tolerance of scoring is divided by ten.</param>
    public static IGraphForm Of(OnnxForm form, int tightened = 0) => form switch
    {
        OnnxForm.Unrolled => new PlainForm(),
        OnnxForm.UnrolledAnderson => new AndersonForm(),
        OnnxForm.PeacemanRachford => new PeacemanRachfordForm(),
        OnnxForm.ForwardSubstitution => new ForwardSubstitutionForm(),
        OnnxForm.Loop => new LoopForm(tightened),
        _ => throw new ArgumentOutOfRangeException(nameof(form), form, null),
    };
}

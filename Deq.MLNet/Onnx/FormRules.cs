using Deq.MLNet.Networks;

namespace Deq.MLNet.Onnx;

/// <summary>Which form of the equilibrium fits which network.</summary>
internal static class FormRules
{
    /// <summary>The forms that are measured when a fit ends: plain iteration, and what else Auto may take.</summary>
    public static IReadOnlyList<OnnxForm> Measured(DeqNetwork network) =>
        [.. new[] { OnnxForm.Unrolled, Natural(network) is var natural and not OnnxForm.Unrolled ? natural : OnnxForm.UnrolledAnderson }.Where(form => Refusal(form, network) is null)];

    /// <summary>What a network is written with, unless Anderson mixing is shorter: substitution where it is exact, splitting under the rule that needs it, else plain iteration.</summary>
    /// <param name="network">The network.</param>
    /// <param name="isWhole">Whether a form may take as many steps as it does; else it must take the number that is asked for, and substitution does not.</param>
    public static OnnxForm Natural(DeqNetwork network, bool isWhole = true) =>
        isWhole && network.Cell.SubstitutionIsExact ? OnnxForm.ForwardSubstitution
        : network.Certificate.Rule is MonotoneRule ? OnnxForm.PeacemanRachford
        : OnnxForm.Unrolled;

    /// <summary>Throws where a form does not fit a network.</summary>
    /// <exception cref="OnnxExportException">It names what does.</exception>
    public static void Check(OnnxForm form, DeqNetwork network)
    {
        if (Refusal(form, network) is { } refusal)
        {
            throw refusal;
        }
    }

    /// <summary>Why a form does not fit a network; null where it does.</summary>
    public static OnnxExportException? Refusal(OnnxForm form, DeqNetwork network)
    {
        switch (form)
        {
            case OnnxForm.Unrolled or OnnxForm.UnrolledAnderson or OnnxForm.Loop when network.Certificate.Rule is MonotoneRule && network.Certificate.PlainIterationError(UnrollCurve.MaxSteps) is null:
                return Refused(form, $"iterates plainly, which need not converge for a W under {network.Certificate.Rule}: nothing proves that this one contracts", OnnxForm.PeacemanRachford);
            case OnnxForm.PeacemanRachford when !network.Activation.IsPiecewiseLinear():
                return Refused(form, $"is for ReLU, LeakyReLU and Identity, whose proximal maps are known; the activation is {network.Activation}", OnnxForm.Unrolled);
            case OnnxForm.PeacemanRachford when network.Cell.Norm is not null:
                return Refused(form, "is not for a layer-normalised cell, whose equilibrium is no splitting's", OnnxForm.Unrolled);
            case OnnxForm.ForwardSubstitution when !network.Cell.SubstitutionIsExact:
                return Refused(form, "is for a lower triangular W: with zeros on its diagonal, or with entries below 1 there and ReLU, LeakyReLU or Identity. This network's is none", Natural(network));
            default:
                return null;
        }
    }

    private static OnnxExportException Refused(OnnxForm form, string reason, OnnxForm other) =>
        new($"{nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.Form)} {form} {reason}. Set it to {other}, or to {OnnxForm.Auto}.");
}

using System.Globalization;

namespace Deq.MLNet.Onnx;

/// <summary>Chooses the form of an equilibrium and its number of steps, by what was measured and by what is proved.</summary>
internal static class StepChoice
{
    /// <summary>More plain steps than these, and Anderson mixing is tried.</summary>
    private const int FewSteps = 30;

    /// <summary>
    /// What a step of Anderson mixing costs in plain ones, between those of a single row (11 times at 32 states, 5 at 128) and of a batch of 256 (4.6 and 2): its twelve more operators
    /// weigh less the larger the product is.
    /// </summary>
    private static double MixingCost(int states) => 1 + 200.0 / states;

    /// <summary>Rows not seen may be further off than those measured: the error is asked to be a quarter.</summary>
    private const double ErrorMargin = 0.25;

    /// <summary>
    /// They may also come nearer at a slower rate: so large a share of steps is added. Of 377 random networks in up to three forms, at errors from 1e-3 to 1e-5 on 10,000 rows not seen, none measured on 2,048 rows needed more than a quarter,
    /// and one of those measured on 200 rows needed two fifths.
    /// </summary>
    private static double StepMargin(int rows) => rows < 1_000 ? 0.5 : 0.25;

    /// <summary>The plan of a network.</summary>
    /// <param name="network">The network.</param>
    /// <param name="settings">What is asked for.</param>
    /// <param name="curveOf">What was measured of a form; null where nothing was.</param>
    /// <exception cref="OnnxExportException">The form does not fit the network, or the error asked for is not reached or cannot be known.</exception>
    public static NetworkPlan Choose(DeqNetwork network, ExportSettings settings, Func<OnnxForm, UnrollCurve?> curveOf)
    {
        if (settings.Form != OnnxForm.Auto)
        {
            FormRules.Check(settings.Form, network);
            return Plan(network, settings.Form, settings, curveOf(settings.Form));
        }
        var natural = FormRules.Natural(network, isWhole: settings.Steps is null);
        if (natural != OnnxForm.Unrolled || settings.Steps is not null)
        {
            return Plan(network, natural, settings, curveOf(natural));
        }
        var plain = curveOf(OnnxForm.Unrolled);
        var steps = plain is null ? null : Steps(plain, network.Certificate, settings.MaxError);
        if (steps <= FewSteps)
        {
            return Plan(network, OnnxForm.Unrolled, settings, plain);
        }
        var mixed = curveOf(OnnxForm.UnrolledAnderson);
        return mixed is not null && Steps(mixed, network.Certificate, settings.MaxError) is { } fewer && !(MixingCost(network.StateSize) * fewer >= steps)
            ? Plan(network, OnnxForm.UnrolledAnderson, settings, mixed)
            : Plan(network, OnnxForm.Unrolled, settings, plain);
    }

    private static NetworkPlan Plan(DeqNetwork network, OnnxForm form, ExportSettings settings, UnrollCurve? curve)
    {
        var (certificate, maxError) = (network.Certificate, settings.MaxError);
        var steps = form switch
        {
            OnnxForm.ForwardSubstitution when settings.Steps is not null => throw new OnnxExportException($"{nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.Steps)} is {settings.Steps}; {form} takes exactly as many as there are states. Leave it out, or choose another {nameof(OnnxExportOptions.Form)}."),
            OnnxForm.ForwardSubstitution => network.StateSize,
            OnnxForm.Loop => settings.Steps ?? (curve is null ? throw NotMeasured(form) : network.Scoring.MaxIterations),
            _ => settings.Steps ?? Steps(curve ?? throw NotMeasured(form), certificate, maxError) ?? throw NotReached(curve, certificate, maxError),
        };
        var value = curve is { HasOneValue: true } ? Value(curve, maxError) : 0;
        if (value < 0)
        {
            // Steps that are asked for leave the error that they leave.
            value = settings.Steps is null ? throw NotReached(curve!, certificate, maxError) : curve!.MaxErrors.Count - 1;
        }
        return new NetworkPlan(network, form, steps)
        {
            Tightened = value,
            MaxError = ErrorAfter(steps, curve, curve?.MaxErrors, value),
            MeanError = ErrorAfter(steps, curve, curve?.MeanErrors, value),
            Bound = form switch { OnnxForm.Unrolled => certificate.PlainIterationError(steps), OnnxForm.ForwardSubstitution => 0, _ => null },
            BoundSteps = form == OnnxForm.Unrolled && curve is not null ? ProvedSteps(curve, certificate, maxError) : null,
        };
    }

    /// <summary>The steps that keep an error also for rows not measured; null where those measured do not come so near.</summary>
    private static int? Steps(UnrollCurve curve, Certificate certificate, double maxError)
    {
        if (curve.StepsFor(maxError) is not { } kept)
        {
            return null;
        }
        // Where rounding keeps the error above the quarter, what is met is taken.
        var enough = Enumerable.Range(kept, curve.MaxErrors.Count - kept + 1).FirstOrDefault(k => curve.MaxErrors[k - 1] <= ErrorMargin * maxError, kept);
        var steps = Math.Min(UnrollCurve.MaxSteps, enough + (int)Math.Ceiling(StepMargin(curve.Rows) * enough));
        return curve.Form == OnnxForm.Unrolled && ProvedSteps(curve, certificate, maxError) is { } proved ? Math.Max(kept, Math.Min(steps, proved)) : steps;
    }

    /// <summary>Which of the values of a form without steps is taken, of a loop's that of the largest tolerance: the first with the error's margin, else the first that meets the error; -1 for none.</summary>
    private static int Value(UnrollCurve curve, double maxError)
    {
        var errors = curve.MaxErrors.ToList();
        var safe = errors.FindIndex(error => error <= ErrorMargin * maxError);
        return safe >= 0 ? safe : errors.FindIndex(error => error <= maxError);
    }

    /// <summary>Steps of plain iteration that keep the error by proof: with the gain from the state to y, for every row whose state is no longer than the longest measured. Null where they are as many as are measured, or not proved.</summary>
    private static int? ProvedSteps(UnrollCurve curve, Certificate certificate, double maxError)
    {
        // The gain of exp holds for errors below 1.
        for (var steps = 1; steps < UnrollCurve.MaxSteps && maxError < 1; steps++)
        {
            if (certificate.PlainIterationError(steps) * curve.StateGain <= maxError)
            {
                return steps;
            }
        }
        return null;
    }

    /// <summary>A curve that ends before its last possible step has come to rest there.</summary>
    private static double? ErrorAfter(int steps, UnrollCurve? curve, IReadOnlyList<float>? errors, int value) => errors switch
    {
        null or [] => null,
        _ when curve!.HasOneValue => errors[value],
        _ when steps <= errors.Count => errors[steps - 1],
        { Count: < UnrollCurve.MaxSteps } => errors[^1],
        _ => null,
    };

    // max |y| is known from rows only: without them no proof about the state says how large a share of it an error is.
    private static OnnxExportException NotMeasured(OnnxForm form) =>
        new($"The error of the form {form} was not measured for this network. Set {nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.CalibrationData)} to rows, or {nameof(OnnxExportOptions.Steps)}; of networks that a trainer made it is known for the forms that {OnnxForm.Auto} takes.");

    private static OnnxExportException NotReached(UnrollCurve curve, Certificate certificate, double maxError)
    {
        // Rounding is the cause where exact arithmetic would have arrived: every row came to rest, or what is proved of the iteration has long passed the error.
        var atRest = curve.MaxErrors.Count < UnrollCurve.MaxSteps
            || certificate.PlainIterationError(curve.MaxErrors.Count / 2) < maxError;
        var remedy = curve.Form == OnnxForm.Loop
            ? $"It ends by a residual, and was measured down to a hundredth of the tolerance of scoring. Train with a lower {nameof(DeqTrainerOptions.ScoringTolerance)}, or export another form"
            : atRest && float.IsFinite(curve.MaxErrors[^1])
            ? "What is left is the rounding of float32, as features far from zero bring it (a mean of many standard deviations), and logits in the hundreds. Bring features to mean 0 before the trainer, stop a classifier earlier or give it WeightDecay"
            : certificate.IsProved
                ? "Its contraction is too slow for so many steps. Train with a lower bound on W"
                : "No contraction is proved for this cell, and iteration does not settle. Train with WellPosedness.Spectral and without layer normalisation";
        return new OnnxExportException(string.Create(CultureInfo.InvariantCulture,
            $"The form {curve.Form} is off by {curve.MaxErrors[^1]:G3} of max |y|{(curve.HasOneValue ? "" : string.Create(CultureInfo.InvariantCulture, $" after {curve.MaxErrors.Count} steps"))}; {nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.MaxError)} is {maxError:G3}. ")
            + $"{remedy}, allow a larger MaxError, or set {nameof(OnnxExportOptions.Steps)} to accept the error.");
    }
}

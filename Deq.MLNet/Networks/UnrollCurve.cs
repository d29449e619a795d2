namespace Deq.MLNet;

/// <summary>How far a form of the equilibrium, cut off after k steps from zero, is from the float64 equilibrium: what an export chooses form and steps by.</summary>
/// <param name="Form">The form, never <see cref="OnnxForm.Auto"/>.</param>
/// <param name="Rows">The rows it was measured on; the rows themselves are not kept.</param>
/// <param name="Scale">max |y| over those rows, in units of the output; for two classes of the Score.</param>
/// <param name="MaxErrors">At index k - 1: max |y_k - y| / max |y| over rows and outputs after k steps in float32; of <see cref="OnnxForm.ForwardSubstitution"/>, which has one value to give, that alone; of <see cref="OnnxForm.Loop"/> that at the tolerance of scoring, at a tenth and at a hundredth of it.
/// For two classes the larger of that of the Score and that of the Probability. The error of a probability is taken where the logistic or the softmax is steepest: a row not seen may lie there.</param>
/// <param name="MeanErrors">The same, the mean over rows of each row's largest error.</param>
public sealed record UnrollCurve(OnnxForm Form, int Rows, float Scale, IReadOnlyList<float> MaxErrors, IReadOnlyList<float> MeanErrors)
{
    /// <summary>Steps that are measured at the most.</summary>
    internal const int MaxSteps = 300;

    /// <summary>
    /// For every row whose equilibrium z is no longer than the longest that was measured, and every state z': the error of y, as a share of <see cref="Scale"/>, is at most this times ||z' - z|| / ||z||, in Euclidean norms.
    /// It is ||V_k|| max ||z|| / max |y|, the largest over outputs k, V_k the rows of V, times the largest slope of what follows V z + c. Where that is exp: as long as the error is below 1, and y no larger than the largest measured.
    /// </summary>
    public float StateGain { get; init; } = float.PositiveInfinity;

    /// <summary>Tolerances that a loop is measured at: that of scoring, a tenth and a hundredth of it.</summary>
    internal const int LoopTolerances = 3;

    /// <summary>Whether the form has no steps to choose from.</summary>
    internal bool HasOneValue => Form is OnnxForm.ForwardSubstitution or OnnxForm.Loop;

    /// <summary>The least number of steps from which on the error stays at or below a bound; null where the curve never does.</summary>
    /// <param name="maxError">The bound, as a share of max |y|.</param>
    public int? StepsFor(double maxError)
    {
        var steps = MaxErrors.Count;
        while (steps > 0 && MaxErrors[steps - 1] <= maxError)
        {
            steps--;
        }
        return steps == MaxErrors.Count ? null : steps + 1;
    }
}

namespace Deq.MLNet;

/// <summary>What was written as ONNX. The same figures, but for the size, stand in the file's metadata. Where a file holds several deep equilibrium networks, each figure is the largest among them, each by itself, and the form that of the one with the most steps.</summary>
/// <param name="Form">The form of the equilibrium, never <see cref="OnnxForm.Auto"/>; null for a feed-forward network.</param>
/// <param name="Steps">Steps of the form, of <see cref="OnnxForm.Loop"/> the most; 0 for a feed-forward network.</param>
/// <param name="MaxError">max |y_steps - y| / max |y| against the float64 equilibrium, over training or calibration rows and outputs (as <see cref="UnrollCurve.MaxErrors"/> says for probabilities); null where it was not measured, and for an FNN.</param>
/// <param name="MeanError">The same, the mean over rows of each row's largest error.</param>
/// <param name="Bound">
/// What the certificate proves for every row, seen or not, in exact arithmetic: ||z_steps - z|| &lt;= Bound ||z||, in Euclidean norms of the state, as <see cref="Certificate.PlainIterationError"/> tells.
/// Iteration starts at zero, so its first error is ||z||. 0 for <see cref="OnnxForm.ForwardSubstitution"/>; null where nothing is proved of the form, and for an FNN. With float16 weights it is that of the rounded W.
/// </param>
/// <param name="Opset">The version of ONNX's operators.</param>
/// <param name="NodeCount">Operators in the graph.</param>
/// <param name="Bytes">The size of the file.</param>
/// <param name="InputNames">The inputs, named after the columns that the outputs depend on.</param>
/// <param name="OutputNames">The outputs, each named after its column: Score.output, (B, K) float32; for two classes also Probability.output, (B, 1) float32, and PredictedLabel.output, (B, 1) bool; for K classes PredictedLabel.output, (B, 1) uint32, a key from 1.</param>
public sealed record OnnxExportReport(OnnxForm? Form, int Steps, double? MaxError, double? MeanError, double? Bound, int Opset, int NodeCount, long Bytes, IReadOnlyList<string> InputNames, IReadOnlyList<string> OutputNames)
{
    /// <summary>
    /// Whether every row, seen or not, is proved to have exactly one equilibrium, which the file and scoring then both come to; true for an FNN. Where it is false (<see cref="WellPosedness.None"/>, layer-normalised cells),
    /// <see cref="MaxError"/> tells of the measured rows alone: a row not seen may have several equilibria, and the file another one than scoring, or none.
    /// </summary>
    public bool IsProved { get; init; }

    /// <summary>
    /// Steps of plain iteration after which, by the certificate and <see cref="UnrollCurve.StateGain"/>, the error of every row whose state is no longer than the longest measured is at most <see cref="OnnxExportOptions.MaxError"/>,
    /// in exact arithmetic: no more are taken. Null where that takes 300 and more, where nothing is proved, and for other forms than <see cref="OnnxForm.Unrolled"/>: then only what was measured has decided.
    /// </summary>
    public int? BoundSteps { get; init; }

    /// <summary>With <see cref="OnnxExportOptions.Float16Weights"/>: max |y - y16| / max |y| between the equilibria of the weights and of the rounded ones, both in float64; else null.</summary>
    public double? WeightsError { get; init; }

    /// <summary>Domains of operators beyond the standard ones and ai.onnx.ml, which some of ML.NET's transforms need, as "com.microsoft": only ONNX Runtime knows those. Empty in most files.</summary>
    public IReadOnlyList<string> Domains { get; init; } = [];
}

namespace Deq.MLNet;

/// <summary>What was written as ONNX. The same figures stand in the file's metadata.</summary>
/// <param name="Form">"unrolled" for a DEQ: plain iteration from zero, cut off after <paramref name="Steps"/>; "feed-forward" for an FNN.</param>
/// <param name="Steps">Steps of plain iteration; 0 for an FNN.</param>
/// <param name="MaxError">max |y_steps - y| / max |y| against the float64 equilibrium, over training rows and outputs (as <see cref="UnrollCurve.MaxErrors"/> says for probabilities); null where it was not measured, and for an FNN.</param>
/// <param name="MeanError">The same, the mean over rows of each row's largest error.</param>
/// <param name="Bound">
/// What the certificate proves for every row, seen or not, in exact arithmetic: ||z_steps - z|| &lt;= Bound ||z||, in Euclidean norms of the state, as <see cref="Certificate.PlainIterationError"/> tells.
/// Iteration starts at zero, so its first error is ||z||. Null where nothing is proved of the iteration, and for an FNN.
/// </param>
/// <param name="Opset">The version of ONNX's operators.</param>
/// <param name="NodeCount">Operators in the graph.</param>
/// <param name="Bytes">The size of the file.</param>
/// <param name="InputName">The input, (B, n) float32.</param>
/// <param name="OutputNames">The outputs, each named after its column: Score.output, (B, K) float32; for two classes also Probability.output, (B, 1) float32, and PredictedLabel.output, (B, 1) bool; for K classes PredictedLabel.output, (B, 1) uint32, a key from 1.</param>
public sealed record OnnxExportReport(string Form, int Steps, double? MaxError, double? MeanError, double? Bound, int Opset, int NodeCount, long Bytes, string InputName, IReadOnlyList<string> OutputNames);

using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Commands;

/// <summary>How the error of an export falls with its steps: as training measured it, and as ONNX Runtime has it.</summary>
internal static class ErrorCurves
{
    private static readonly int[] Steps = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 90, 128];

    /// <summary>Draws both forms of a contraction, and Peaceman-Rachford steps of a monotone cell.</summary>
    public static void Draw(MLContext ml, ITransformer contraction, ITransformer monotone, IDataView data, IReadOnlyList<Penguin> rows, OutputFolder output)
    {
        var columns = OnnxPipeline.Columns(rows);
        List<(string, double[], IEnumerable<(int, double)>)> curves = [];
        foreach (var (name, model, form) in new[] { ("plain, as training measured it", contraction, OnnxForm.Unrolled), ("Anderson, as training measured it", contraction, OnnxForm.UnrolledAnderson), ("Peaceman-Rachford, of a monotone W", monotone, OnnxForm.PeacemanRachford) })
        {
            var network = NetworkOf(model);
            var exact = model.Transform(data).GetColumn<float[]>("Features").AsParallel().AsOrdered().Select(row => network.EvaluateFloat64(row)).ToList();
            var errors = network.UnrollCurves.Single(curve => curve.Form == form).MaxErrors.Select(error => (double)error).ToArray();
            var points = Steps.Where(steps => steps <= errors.Length).Select(steps =>
            {
                var path = output["steps.onnx"];
                ml.Model.SaveOnnx(model, data.Schema, path, new OnnxExportOptions { Form = form, Steps = steps });
                using var session = new PenguinSession(path);
                var error = session.Score(columns).Probabilities.Zip(exact, (p, e) => p.Zip(e, (a, b) => Math.Abs(a - b)).Max()).Max();
                File.Delete(path);
                return (steps, error / exact.Max(p => p.Max()));
            });
            curves.Add((name, errors, points.ToList()));
        }
        ErrorAgainstSteps.Draw("How far an ONNX file is from the equilibrium, by its steps", curves, OnnxPipeline.MaxError, output["onnx_error.png"]);
    }

    private static DeqNetwork NetworkOf(ITransformer model) =>
        (DeqNetwork)((IEnumerable<ITransformer>)model).OfType<MulticlassPredictionTransformer<NetworkMulticlassModelParameters>>().Single().Model.Network;
}

using Deq.MLNet.Samples;
using Deq.MLNet.Samples.Commands;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Benchmarks;

/// <summary>The samples' pipelines whole, from the columns of their files on, with the networks that they compare, and every row of the data.</summary>
internal static class RealPipelines
{
    /// <summary>The agreement on each data set.</summary>
    public static Dictionary<string, Agreement> Run(Effort effort, string? folder)
    {
        var agreements = new Dictionary<string, Agreement>
        {
            ["diabetes"] = Of("diabetes", DiabetesTask.Full, folder),
            ["breast cancer"] = Of("breast cancer", BreastCancerTask.Full, folder),
            ["wine"] = Of("wine", ClassesTask.Wine, folder),
            ["penguins"] = Compare("penguins", Penguins.Load, ml => [("DEQ", OnnxPipeline.Pipeline(ml, WellPosedness.Spectral(0.95f)))], folder),
        };
        if (!effort.IsQuick)
        {
            agreements["digits"] = Of("digits", ClassesTask.Digits, folder);
        }
        return agreements;
    }

    private static Agreement Of<T>(string name, LearningTask<T> task, string? folder) =>
        Compare(name, task.Load, ml => task.Candidates.Where(c => c.IsNetwork).Select(c => (c.Name, task.Pipeline(ml, c.MakeTrainer(ml)))), folder);

    private static Agreement Compare(string name, Func<MLContext, IDataView> load, Func<MLContext, IEnumerable<(string Name, IEstimator<ITransformer> Pipeline)>> trainers, string? folder)
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.Cache(load(ml));
        using var rows = new OrtColumns(data);
        var agreement = new Agreement();
        foreach (var (trainer, pipeline) in trainers(ml))
        {
            var model = pipeline.Fit(data);
            var expected = Expected.Of(Exported.ModelOf(model), [.. model.Transform(data).GetColumn<float[]>("Features")]);
            foreach (var form in Exported.ModelOf(model).Network is DeqNetwork ? new[] { OnnxForm.Unrolled, OnnxForm.UnrolledAnderson, OnnxForm.Loop } : [OnnxForm.Auto])
            {
                foreach (var opset in new[] { 13, 21 })
                {
                    Exported.Compare(ml, model, data.Schema, new OnnxExportOptions { Form = form, Opset = opset, CalibrationData = form == OnnxForm.Loop ? data : null }, $"{name} {trainer}", rows, expected, agreement, folder);
                }
            }
        }
        return agreement;
    }
}

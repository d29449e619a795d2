using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>Rows as a model receives them, from data as the pipeline does.</summary>
internal static class CalibrationRows
{
    /// <summary>Features of up to <see cref="NetworkTraining.MostMeasuredRows"/> rows, evenly spread; rows with a NaN or infinite feature are left out.</summary>
    /// <param name="pipeline">The chain.</param>
    /// <param name="model">The step of the model.</param>
    /// <param name="data">Rows with the columns that the pipeline reads.</param>
    public static IReadOnlyList<ReadOnlyMemory<float>> Read(Pipeline pipeline, PipelineStep model, IDataView data)
    {
        var needed = pipeline.NeededSteps.Select(s => s.Step.Transformer).ToHashSet();
        foreach (var transformer in pipeline.Transformers.TakeWhile(t => t != model.Transformer).Where(needed.Contains))
        {
            try
            {
                data = transformer.Transform(data);
            }
            catch (ArgumentOutOfRangeException e)
            {
                throw new OnnxExportException($"{nameof(OnnxExportOptions.CalibrationData)} is not what the pipeline takes: {e.Message}", e);
            }
        }
        var predictor = (ISingleFeaturePredictionTransformer<object>)model.Transformer;
        var column = data.Schema.GetColumnOrNull(predictor.FeatureColumnName)
            ?? throw new OnnxExportException($"{nameof(OnnxExportOptions.CalibrationData)} has no column {predictor.FeatureColumnName}, which the model reads. Give it the columns that the pipeline takes.");
        if (!column.Type.Equals(predictor.FeatureColumnType))
        {
            throw new OnnxExportException($"The column {column.Name} of {nameof(OnnxExportOptions.CalibrationData)} is {column.Type}; the model reads {predictor.FeatureColumnType}.");
        }
        var rows = ReadColumn(data, column);
        return rows.Count > 0 ? rows : throw new OnnxExportException($"{nameof(OnnxExportOptions.CalibrationData)} has no row whose {column.Name} are all numbers. Give it rows like those of the training.");
    }

    private static List<ReadOnlyMemory<float>> ReadColumn(IDataView data, DataViewSchema.Column column)
    {
        var count = data.GetRowCount() ?? Count(data);
        var wanted = Math.Min(count, NetworkTraining.MostMeasuredRows);
        var rows = new List<ReadOnlyMemory<float>>();
        using var cursor = data.GetRowCursor([column]);
        var read = cursor.GetGetter<VBuffer<float>>(column);
        VBuffer<float> features = default;
        for (long taken = 0; taken < wanted && cursor.MoveNext();)
        {
            if (cursor.Position != taken * count / wanted)
            {
                continue;
            }
            taken++;
            read(ref features);
            var row = features.DenseValues().ToArray();
            if (row.All(float.IsFinite))
            {
                rows.Add(row);
            }
        }
        return rows;
    }

    private static long Count(IDataView data)
    {
        using var cursor = data.GetRowCursor([]);
        var count = 0L;
        while (cursor.MoveNext())
        {
            count++;
        }
        return count;
    }
}

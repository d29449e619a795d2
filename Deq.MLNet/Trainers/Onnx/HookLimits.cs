using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms;
using Microsoft.ML.Transforms.Text;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>Where ML.NET's export hooks write something, but not what the transform does: such a step is refused, since a wrong graph is worse than none.</summary>
internal static class HookLimits
{
    private static readonly Dictionary<Type, Func<PipelineStep, DataViewType, DataViewType, string?>> OfTransform = new()
    {
        [typeof(HashingTransformer)] = (_, from, _) => OfHash(from),
        [typeof(LpNormNormalizingTransformer)] = (step, _, _) => OfNorm(step),
        [typeof(NormalizingTransformer)] = (_, from, _) => from == NumberDataViewType.Double ? "ONNX scales in float32; convert the column to Single before" : null,
        [typeof(TextNormalizingTransformer)] = (_, _, _) => "ONNX Runtime changes the case of letters only where the locale en_US is installed, and else refuses the file",
        [typeof(TypeConvertingTransformer)] = (_, from, to) => OfConversion(from, to),
        [typeof(ValueMappingTransformer)] = (_, from, _) => IsReal(from) ? "numbers that are not whole are looked up by their text, which runtimes write differently" : null,
        [typeof(ValueToKeyMappingTransformer)] = (_, from, _) => from == NumberDataViewType.Double ? "ONNX looks values up in float32; convert the column to Single before the pipeline is fitted" : null,
    };

    /// <summary>Why a column that a step makes cannot be exported; null where nothing is known against it.</summary>
    public static string? Refusal(PipelineStep step, int index)
    {
        var made = step.Schema[index];
        var read = step.Needs([index]).Select(column => column.Type).ToList();
        if (Pipeline.SolveColumns(step).Contains(made.Name))
        {
            return $"{made.Name} tells of the solve of a row or is its state, which no export writes";
        }
        if (read.Append(made.Type).Any(type => type is VectorDataViewType { IsKnownSize: false }))
        {
            return "it makes or reads a vector of variable size, which a graph over a batch of rows cannot hold";
        }
        if (step.Transformer is IPredictionTransformer<object> && !IsSound(((ISingleFeaturePredictionTransformer<object>)step.Transformer).Model))
        {
            return "of ML.NET's own models only linear ones and the Platt calibrator give in ONNX what they give in ML.NET: the hooks of others take NaN or the first cluster for something else, or were not tried";
        }
        return OfTransform.TryGetValue(step.Kind, out var limit) ? limit(step, read[0].GetItemType(), made.Type.GetItemType()) : null;
    }

    private static bool IsSound(object model) => Pipeline.PartsOf(model).All(part => part is INetworkModel or PlattCalibrator or LinearModelParameters or LinearMulticlassModelParametersBase);

    private static string? OfHash(DataViewType from) =>
        from == TextDataViewType.Instance ? "ONNX Runtime hashes empty texts, spaces at the ends and letters beyond ASCII differently; use OneHotEncoding or MapValueToKey"
        : IsReal(from) ? "ONNX Runtime hashes a missing number like any other"
        : null;

    /// <summary>A conversion that is the same for every value.</summary>
    private static string? OfConversion(DataViewType from, DataViewType to)
    {
        var widens = from is NumberDataViewType or BooleanDataViewType
            && (IsReal(to) || from == to || !IsReal(from) && to == NumberDataViewType.Int64 && from != NumberDataViewType.UInt64);
        return widens ? null : $"ML.NET and ONNX convert {from} to {to} differently where a value is missing, empty or out of range";
    }

    private static string? OfNorm(PipelineStep step)
    {
        // How it was set is not public.
        var columns = typeof(LpNormNormalizingTransformer).GetProperty("Columns", BindingFlags.NonPublic | BindingFlags.Instance);
        var isPlain = step.Transformer is LpNormNormalizingTransformer && columns?.GetValue(step.Transformer) is IEnumerable<object> all && all.All(column =>
            Equals(Field(column, "EnsureZeroMean"), false) && Equals(Field(column, "Scale"), 1f) && !Equals(Field(column, "Norm"), LpNormNormalizingEstimatorBase.NormFunction.StandardDeviation));
        return isPlain ? null : "the hook leaves out the scale, and rows without variation become NaN; NormalizeLpNorm by L1, L2 or Infinity without ensureZeroMean can be exported";

        static object? Field(object column, string name) => column.GetType().GetField(name)?.GetValue(column);
    }

    private static bool IsReal(DataViewType type) => type == NumberDataViewType.Single || type == NumberDataViewType.Double;
}

using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Deq.MLNet.Onnx;
using Deq.MLNet.Storage;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.Runtime;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>Writes a fitted pipeline as ONNX, by the export hooks of its transforms: what the outputs of this library's models depend on, and those.</summary>
internal static class ModelExporter
{
    public static OnnxExportReport Save(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema, Stream stream, OnnxExportOptions? options)
    {
        var (bytes, report) = Export(environment, model, inputSchema, options ?? new OnnxExportOptions());
        stream.Write(bytes);
        return report;
    }

    public static OnnxExportReport Save(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema, string path, OnnxExportOptions? options)
    {
        var (bytes, report) = Export(environment, model, inputSchema, options ?? new OnnxExportOptions());
        AtomicFile.Write(path, stream => stream.Write(bytes));
        return report;
    }

    private static (byte[] Bytes, OnnxExportReport Report) Export(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema, OnnxExportOptions options)
    {
        MLNetMembers.EnsurePresent();
        var pipeline = Walk(environment, model, inputSchema);
        if (pipeline.Models.Count == 0)
        {
            var chain = string.Join(", ", pipeline.Transformers.Select(t => t.GetType().Name));
            throw new OnnxExportException($"The pipeline ({chain}) holds 0 models of this library; there is nothing to export. Pass a fitted pipeline with one of its trainers, alone or in OneVersusAll; PairwiseCoupling has no ONNX form.");
        }
        if (!pipeline.NeededOutputs.Any())
        {
            throw new OnnxExportException("No column that is left at the end of the pipeline depends on the model: there is nothing to export. Keep one of its outputs, or what is made from them.");
        }
        var context = new GraphContext(OnnxExporter.GraphName(NetworksOf(pipeline.Models[0]).First().Network), options.Settings);
        var steps = pipeline.NeededSteps.Select(s => (s.Step, s.Makes, Hook: HookOf(context, s.Step, s.Makes))).ToList();
        foreach (var column in pipeline.NeededInputs)
        {
            AddInput(context, column);
        }
        foreach (var (step, makes, hook) in steps)
        {
            if (options.CalibrationData is { } data && pipeline.Models.Contains(step))
            {
                context.CalibrationRows = CalibrationRows.Read(pipeline, step, data);
            }
            Write(context, step, makes, hook);
        }
        foreach (var column in pipeline.NeededOutputs)
        {
            context.AddOutput(column.Name, column.Type);
        }
        MLNetOperators.Rewrite(context.Graph);
        context.Graph.RemoveUnused();
        MLNetOperators.DeclareTypes(context.Graph);
        return OnnxExporter.Finish(context.Graph, context.Plans, Metadata(pipeline, context.Graph));
    }

    private static Pipeline Walk(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema)
    {
        try
        {
            return new Pipeline(environment, model, inputSchema);
        }
        catch (MissingMemberException e)
        {
            // Members that are private in ML.NET are bound when they are first used.
            throw new IncompatibleMLNetException($"This ML.NET lacks a member that the export binds: {e.Message} Reference the version of Microsoft.ML that this package names as its dependency.", e);
        }
    }

    private static void AddInput(GraphContext context, DataViewSchema.Column column)
    {
        try
        {
            context.AddInput(column.Name, column.Type);
        }
        catch (NotSupportedException e)
        {
            throw new OnnxExportException($"The input column {column.Name} is of the type {column.Type}, which ONNX does not have. Convert it before the pipeline that is exported.", e);
        }
    }

    /// <summary>The hook of a step that can make what is needed of it.</summary>
    private static ISaveAsOnnx HookOf(GraphContext context, PipelineStep step, IReadOnlyList<int> makes)
    {
        if (step.Transformer is IPredictionTransformer<object> && step.Needs(makes).Select(column => column.Name).Intersect(step.Names(step.Made)).FirstOrDefault() is { } taken)
        {
            throw new OnnxExportException($"The feature column has the name of an output, {taken}. Copy it to a column of another name before the trainer.");
        }
        var refusal = makes.Select(index => HookLimits.Refusal(step, index)).FirstOrDefault(reason => reason is not null);
        return refusal is not null ? throw Refused(step, makes, refusal)
            : step.Hook(context) ?? throw Refused(step, makes, "it has no ONNX form in ML.NET, or not with its settings");
    }

    /// <summary>Lets the hook of a step write the columns that are needed of it.</summary>
    private static void Write(GraphContext context, PipelineStep step, IReadOnlyList<int> makes, ISaveAsOnnx hook)
    {
        var reads = step.Needs(makes).Select(column => column.Name).ToHashSet();
        IReadOnlyList<string> missing;
        try
        {
            missing = context.Write(hook, reads, [.. step.Names(step.Made)]);
        }
        catch (Exception e) when (e is not OnnxExportException)
        {
            throw Refused(step, makes, $"its export hook in ML.NET fails: {e.Message}", e);
        }
        if (step.Names(makes).Intersect(missing).ToList() is { Count: > 0 } absent)
        {
            throw Refused(step, makes, $"its export hook in ML.NET leaves out {string.Join(", ", absent)}");
        }
    }

    private static OnnxExportException Refused(PipelineStep step, IReadOnlyList<int> makes, string reason, Exception? cause = null) =>
        new($"{step.Name}, which makes {string.Join(", ", step.Names(makes).Distinct())}, cannot be exported: {reason}. The outputs depend on it: "
            + "if it stands before the trainer, apply it to the data before the pipeline that is exported, and fit that from there on, or use another transform; if behind, leave it out, or drop what it makes.", cause);

    private static IEnumerable<INetworkModel> NetworksOf(PipelineStep step) => Pipeline.NetworksOf(((ISingleFeaturePredictionTransformer<object>)step.Transformer).Model);

    /// <summary>What a program needs to know to feed the graph and to read it.</summary>
    private static Dictionary<string, string> Metadata(Pipeline pipeline, OnnxModelBuilder graph)
    {
        var step = pipeline.Models[^1];
        var predictor = (ISingleFeaturePredictionTransformer<object>)step.Transformer;
        var metadata = new Dictionary<string, string>
        {
            ["deq.feature_column"] = predictor.FeatureColumnName,
            ["deq.inputs"] = JsonSerializer.Serialize(graph.Inputs),
            ["deq.outputs"] = JsonSerializer.Serialize(graph.Outputs),
            ["deq.task"] = TaskOf(predictor),
        };
        if (step.Schema.FirstOrDefault(column => step.Made.Contains(column.Index) && column.Name == DefaultColumnNames.PredictedLabel) is { Name: not null } label && ClassesOf(label) is { } classes)
        {
            metadata["deq.classes"] = JsonSerializer.Serialize(classes);
        }
        return metadata;
    }

    private static string TaskOf(ITransformer predictor) => predictor switch
    {
        _ when predictor.GetType().Name.StartsWith("Regression", StringComparison.Ordinal) => "regression",
        _ when predictor.GetType().Name.StartsWith("Binary", StringComparison.Ordinal) => "binary classification",
        _ => "multiclass classification",
    };

    /// <summary>The values of a key, 1 first, as text in the invariant culture; null where the data did not have them.</summary>
    private static string[]? ClassesOf(DataViewSchema.Column key)
    {
        if (key.Annotations.Schema.GetColumnOrNull(AnnotationUtils.Kinds.KeyValues) is not { } values)
        {
            return null;
        }
        var read = typeof(ModelExporter).GetMethod(nameof(ValuesOf), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(values.Type.GetItemType().RawType);
        return (string[])read.Invoke(null, [key])!;
    }

    private static string[] ValuesOf<T>(DataViewSchema.Column key)
    {
        VBuffer<T> values = default;
        key.Annotations.GetValue(AnnotationUtils.Kinds.KeyValues, ref values);
        return [.. values.DenseValues().Select(value => Convert.ToString(value is ReadOnlyMemory<char> text ? text.ToString() : value, CultureInfo.InvariantCulture)!)];
    }
}

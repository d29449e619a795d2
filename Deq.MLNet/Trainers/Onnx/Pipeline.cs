using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>A fitted chain as steps, and which of them the outputs of this library's models depend on.</summary>
internal sealed class Pipeline
{
    private readonly List<PipelineStep> _steps = [];

    /// <summary>By step, the columns before it that are needed; behind the last step, the outputs.</summary>
    private readonly List<HashSet<int>> _needed = [];

    public Pipeline(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema)
    {
        IDataView view = new EmptyDataView(environment, inputSchema);
        Transformers = [.. Flatten(model)];
        foreach (var transformer in Transformers)
        {
            var after = transformer.Transform(view);
            _steps.AddRange(StepsOf(transformer, view, after));
            view = after;
        }
        Models = [.. _steps.Where(IsOurs)];
        Input = inputSchema;
        Output = view.Schema;
        var outputs = Outputs();
        _needed.Add(outputs);
        for (var i = _steps.Count - 1; i >= 0; i--)
        {
            _needed.Insert(0, [.. _steps[i].Needs(_needed[0]).Select(column => column.Index)]);
        }
    }

    public IReadOnlyList<ITransformer> Transformers { get; }

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    /// <summary>The steps with a model of this library.</summary>
    public IReadOnlyList<PipelineStep> Models { get; }

    /// <summary>The columns of the input that the outputs depend on.</summary>
    public IEnumerable<DataViewSchema.Column> NeededInputs => Input.Where(column => _needed[0].Contains(column.Index));

    /// <summary>The columns at the end that a graph gives.</summary>
    public IEnumerable<DataViewSchema.Column> NeededOutputs => Output.Where(column => _needed[^1].Contains(column.Index));

    /// <summary>The steps that the outputs depend on, each with the columns that it has to make.</summary>
    public IEnumerable<(PipelineStep Step, IReadOnlyList<int> Makes)> NeededSteps =>
        _steps.Select((step, i) => (step, (IReadOnlyList<int>)[.. _needed[i + 1].Where(step.Made.Contains).Order()])).Where(s => s.Item2.Count > 0);

    /// <summary>The networks of a fitted model, of one or of those that a reduction or a calibrated model is made of.</summary>
    public static IEnumerable<INetworkModel> NetworksOf(object model) => PartsOf(model).OfType<INetworkModel>();

    /// <summary>A model, or those that a reduction or a calibrated model is made of.</summary>
    public static IEnumerable<object> PartsOf(object model) => model switch
    {
        CalibratedModelParametersBase calibrated => PartsOf(calibrated.SubModel),
        OneVersusAllModelParameters reduction => SubModelsOf(reduction).SelectMany(PartsOf),
        _ => [model],
    };

    private static IEnumerable<ITransformer> Flatten(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [model];

    private static List<PipelineStep> StepsOf(ITransformer transformer, IDataView before, IDataView after)
    {
        var steps = new List<PipelineStep>();
        for (var view = after; view != before; view = ((IDataTransform)view).Source)
        {
            if (view is not IDataTransform transform || transform is not IRowToRowMapper mapper)
            {
                return transformer.IsRowToRowMapper
                    ? [new PipelineStep(transformer, transformer.GetRowToRowMapper(before.Schema), before.Schema)]
                    : throw new OnnxExportException($"{transformer.GetType().Name} does not map row to row, which is what an ONNX graph does. Leave it out of the pipeline that is exported.");
            }
            steps.Insert(0, new PipelineStep(transformer, mapper, transform.Source.Schema));
        }
        return steps;
    }

    private static bool IsOurs(PipelineStep step) => step.Transformer is ISingleFeaturePredictionTransformer<object> predictor && NetworksOf(predictor.Model).Any();

    /// <summary>Of the columns at the end, those that a model of this library makes, and those made from them; without the columns of a row's solve.</summary>
    private HashSet<int> Outputs()
    {
        HashSet<int> ofModel = [];
        foreach (var step in _steps)
        {
            var before = ofModel;
            ofModel = [.. step.Schema.Select(column => column.Index).Where(index => IsOurs(step) && step.Made.Contains(index)
                ? !SolveColumns(step).Contains(step.Schema[index].Name)
                : step.Needs([index]).Any(column => before.Contains(column.Index)))];
        }
        return [.. ofModel.Where(index => !Output[index].IsHidden)];
    }

    /// <summary>The columns of the step that no graph has.</summary>
    internal static IEnumerable<string> SolveColumns(PipelineStep step) =>
        step.Transformer is ISingleFeaturePredictionTransformer<object> { Model: INetworkModel model } ? model.SolveColumns : [];

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_SubModelParameters")]
    private static extern ImmutableArray<object> SubModelsOf(OneVersusAllModelParameters model);
}

using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>What a fitted transformer does to the data in one go: a composite transformer has several of them.</summary>
/// <param name="transformer">The transformer in the user's chain.</param>
/// <param name="mapper">Which columns it reads for which.</param>
/// <param name="source">The columns before it.</param>
internal sealed class PipelineStep(ITransformer transformer, IRowToRowMapper mapper, DataViewSchema source)
{
    private readonly HashSet<int> _made = [.. mapper.OutputSchema.Where(column => !column.IsHidden && Count(mapper.OutputSchema, column.Name) > Count(source, column.Name)).Select(column => column.Index)];

    public ITransformer Transformer => transformer;

    public DataViewSchema Schema => mapper.OutputSchema;

    /// <summary>The columns that it adds and that can be seen, indices of <see cref="Schema"/>. A column that hides one of its name is of them; one that is handed on is not.</summary>
    public IReadOnlySet<int> Made => _made;

    /// <summary>The type that did the fitted work, without the parts of its name that say nothing to a user.</summary>
    public string Name
    {
        get
        {
            var (whole, part) = (Plain(transformer.GetType()), Plain(Kind));
            return whole == part ? whole : whole == "Transformer" ? part : $"{whole}, of it {part}";

            static string Plain(Type type) => type.Name.Split('`')[0];
        }
    }

    /// <summary>The class of the transform: that of the transformer, in a composite one that of the part.</summary>
    public Type Kind => mapper is RowToRowMapperTransform transform && MapperOf(transform).GetType().DeclaringType is { } kind ? kind : transformer.GetType();

    /// <summary>The columns before it that some of <see cref="Schema"/> are made from, or are.</summary>
    public IEnumerable<DataViewSchema.Column> Needs(IEnumerable<int> columns) => columns.SelectMany(Needs).DistinctBy(column => column.Index);

    /// <remarks>Some mappers name what they always read also for a column that they hand on.</remarks>
    private IEnumerable<DataViewSchema.Column> Needs(int index) =>
        mapper.GetDependencies([Schema[index]]).Where(column => _made.Contains(index) || column.Name == Schema[index].Name);

    /// <summary>Its hook for the export; null where it has none, or says that it cannot.</summary>
    public ISaveAsOnnx? Hook(OnnxContext context) => mapper is ISaveAsOnnx hook && hook.CanSaveOnnx(context) ? hook : null;

    public IEnumerable<string> Names(IEnumerable<int> columns) => columns.Select(index => Schema[index].Name);

    private static int Count(DataViewSchema schema, string name) => schema.Count(column => column.Name == name);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_mapper")]
    private static extern ref IRowMapper MapperOf(RowToRowMapperTransform transform);
}

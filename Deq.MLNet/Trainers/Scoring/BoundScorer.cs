using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Deq.MLNet.Trainers.Scoring;

/// <summary>A model bound to the columns of its data. ML.NET's scorers hand every column of it through, and derive PredictedLabel from Score.</summary>
internal sealed class BoundScorer : ISchemaBoundRowMapper
{
    private readonly IReadOnlyList<ScoreColumn> _columns;
    private readonly Func<RowScorer> _makeScorer;
    private readonly DataViewSchema.Column _features;

    /// <summary>Binds a model.</summary>
    /// <param name="environment">Words the exceptions.</param>
    /// <param name="model">The model.</param>
    /// <param name="schema">The data's columns, with the feature column named.</param>
    /// <param name="size">n, the features that the model takes.</param>
    /// <param name="columns">What the model adds.</param>
    /// <param name="makeScorer">Called once for every cursor.</param>
    public BoundScorer(IHostEnvironment environment, ISchemaBindableMapper model, RoleMappedSchema schema, int size, IReadOnlyList<ScoreColumn> columns, Func<RowScorer> makeScorer)
    {
        (Bindable, InputRoleMappedSchema, _columns, _makeScorer) = (model, schema, columns, makeScorer);
        _features = schema.Feature ?? throw environment.Except("The data has no feature column.");
        if (_features.Type is not VectorDataViewType type || type.ItemType != NumberDataViewType.Single || type.Size != size)
        {
            throw environment.Except($"Incompatible features column type: '{_features.Type}' vs '{new VectorDataViewType(NumberDataViewType.Single, size)}'");
        }
        var builder = new DataViewSchema.Builder();
        foreach (var (column, _) in columns)
        {
            builder.AddColumn(column.Name, column.Type, column.Annotations);
        }
        OutputSchema = builder.ToSchema();
    }

    public ISchemaBindableMapper Bindable { get; }

    public RoleMappedSchema InputRoleMappedSchema { get; }

    public DataViewSchema InputSchema => InputRoleMappedSchema.Schema;

    public DataViewSchema OutputSchema { get; }

    public IEnumerable<KeyValuePair<RoleMappedSchema.ColumnRole, string>> GetInputColumnRoles() => [RoleMappedSchema.ColumnRole.Feature.Bind(_features.Name)];

    public IEnumerable<DataViewSchema.Column> GetDependenciesForNewColumns(IEnumerable<DataViewSchema.Column> dependingColumns) => dependingColumns.Any() ? [_features] : [];

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        var getters = new Delegate?[_columns.Count];
        ScoredRow? row = null;
        foreach (var column in activeColumns)
        {
            row ??= new ScoredRow(input, _features, _makeScorer());
            getters[column.Index] = _columns[column.Index].GetterOf(row);
        }
        return new SimpleRow(OutputSchema, input, getters);
    }
}

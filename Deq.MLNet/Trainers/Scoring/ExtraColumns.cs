using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers.Scoring;

/// <summary>The columns that a deep equilibrium model adds beside its task's: how each row was solved, and its equilibrium.</summary>
/// <param name="Solve">Whether Residual, Iterations and SolveStatus are added.</param>
/// <param name="State">The name of the column of the equilibrium; null for none.</param>
internal sealed record ExtraColumns(bool Solve, string? State)
{
    private const string Residual = "Residual", Iterations = "Iterations", Status = "SolveStatus";

    private static readonly string[] Reserved = [DefaultColumnNames.Score, DefaultColumnNames.Probability, DefaultColumnNames.PredictedLabel, Residual, Iterations, Status];

    private static readonly ReadOnlyMemory<char>[] StatusNames = [.. Enum.GetNames<SolveStatus>().Select(name => name.AsMemory())];

    /// <summary>Those of a model that adds nothing.</summary>
    public static ExtraColumns None { get; } = new(false, null);

    public int Count => (Solve ? 3 : 0) + (State is null ? 0 : 1);

    private bool HasPossibleState => State is null || State.Length > 0 && !Reserved.Contains(State);

    /// <summary>Refuses names that would hide another column of the trainer's.</summary>
    /// <param name="inputs">The trainer's own columns: features, label and weight.</param>
    /// <returns>These columns.</returns>
    public ExtraColumns Check(params string?[] inputs)
    {
        if (!HasPossibleState || inputs.Contains(State) && State is not null)
        {
            throw new ArgumentException($"StateColumn is \"{State}\"; it must be a name of its own, not that of the label, features or weight, and none of {string.Join(", ", Reserved)}.");
        }
        if (Solve && inputs.Intersect([Residual, Iterations, Status]).FirstOrDefault() is { } hidden)
        {
            throw new ArgumentException($"SolveColumns adds a column {hidden}, which would hide the trainer's input of that name; rename the input column.");
        }
        return this;
    }

    /// <summary>What a trainer promises of them.</summary>
    public IEnumerable<SchemaShape.Column> Promised()
    {
        var annotations = new SchemaShape(AnnotationUtils.GetTrainerOutputAnnotation().Where(a => a.Name != AnnotationUtils.Kinds.ScoreValueKind));
        return Delivered(DataViewSchema.Annotations.Empty, 1).Select(c => c.Column).Select(c => new SchemaShape.Column(c.Name,
            c.Type is VectorDataViewType ? SchemaShape.Column.VectorKind.Vector : SchemaShape.Column.VectorKind.Scalar, c.Type.GetItemType(), false, annotations));
    }

    /// <summary>The columns of a model.</summary>
    /// <param name="score">The annotations of the Score, whose kind these columns share. Their own ScoreValueKind would make evaluators take them for scores.</param>
    /// <param name="states">d.</param>
    public IEnumerable<ScoreColumn> Delivered(DataViewSchema.Annotations score, int states)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.Add(score, kind => kind == AnnotationUtils.Kinds.ScoreColumnKind);
        var annotations = builder.ToAnnotations();
        if (Solve)
        {
            yield return ScoreColumn.Scalar(new(Residual, NumberDataViewType.Single, annotations), row => (float)row.Solution.Residual);
            yield return ScoreColumn.Scalar(new(Iterations, NumberDataViewType.Int32, annotations), row => row.Solution.Iterations);
            yield return ScoreColumn.Scalar(new(Status, TextDataViewType.Instance, annotations), row => StatusNames[(int)row.Solution.Status]);
        }
        if (State is not null)
        {
            yield return ScoreColumn.Vector(new(State, new VectorDataViewType(NumberDataViewType.Single, states), annotations), row => row.State);
        }
    }

    public void Write(ModelSaveContext context)
    {
        context.Writer.Write(Solve);
        context.SaveStringOrNull(State);
    }

    /// <summary>Reads what was written.</summary>
    /// <exception cref="ModelFormatException">The columns cannot be those of the network.</exception>
    public static ExtraColumns Read(ModelLoadContext context, Network network)
    {
        var solve = context.Reader.ReadByte();
        var columns = new ExtraColumns(solve == 1, context.LoadStringOrNull());
        if (solve > 1 || !columns.HasPossibleState || columns.Count > 0 && network is not DeqNetwork)
        {
            throw new ModelFormatException($"The model claims impossible columns: {solve} and \"{columns.State}\", of a {network.GetType().Name}. Save or copy the model again.");
        }
        return columns;
    }
}

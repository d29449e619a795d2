using Microsoft.ML;

namespace Deq.MLNet.Tests.Trainers.Scoring;

/// <summary>Every column that a model can add to those of its task.</summary>
internal sealed class SolvedRow
{
    public float Residual { get; set; }

    public int Iterations { get; set; }

    public string SolveStatus { get; set; } = "";

    public float[] State { get; set; } = [];
}

internal static class SolvedRowExtensions
{
    /// <summary>What a model adds, row by row.</summary>
    public static SolvedRow[] Solved(this ITransformer model, IDataView data) => [.. new MLContext(1).Data.CreateEnumerable<SolvedRow>(model.Transform(data), reuseRowObject: false)];
}

namespace Deq.MLNet.Training.Simd.Projections;

/// <summary>The nearest diagonal W whose entries are of a limit in magnitude at the most.</summary>
internal sealed class DiagonalProjection : SimdProjection
{
    private readonly float _limit;

    /// <summary>The limit is rounded down to a number of float32, so that an entry can have it and not be above.</summary>
    public DiagonalProjection(double limit) => _limit = (float)limit <= limit ? (float)limit : MathF.BitDecrement((float)limit);

    public override void Restrict(SimdParameter w) => KeepDiagonal(w.GradientSpan, w.Rows);

    public override void Project(SimdParameter w)
    {
        var values = w.ValueSpan;
        KeepDiagonal(values, w.Rows);
        var largest = 0f;
        for (var i = 0; i < values.Length; i += w.Columns + 1)
        {
            values[i] = Math.Clamp(values[i], -_limit, _limit);
            largest = MathF.Max(largest, MathF.Abs(values[i]));
        }
        Bound = largest;
    }

    private static void KeepDiagonal(Span<float> matrix, int size)
    {
        for (var i = 0; i < size; i++)
        {
            Row(matrix, i, size)[..i].Clear();
            Row(matrix, i, size)[(i + 1)..].Clear();
        }
    }
}

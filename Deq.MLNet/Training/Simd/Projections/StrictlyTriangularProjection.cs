namespace Deq.MLNet.Training.Simd.Projections;

/// <summary>Sets the entries of W on and above its diagonal to zero. There is no bound to tell.</summary>
internal sealed class StrictlyTriangularProjection : SimdProjection
{
    public override void Restrict(SimdParameter w) => KeepBelowDiagonal(w.GradientSpan, w.Rows);

    public override void Project(SimdParameter w) => KeepBelowDiagonal(w.ValueSpan, w.Rows);

    private static void KeepBelowDiagonal(Span<float> matrix, int size)
    {
        for (var i = 0; i < size; i++)
        {
            Row(matrix, i, size)[i..].Clear();
        }
    }
}

using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>The gradients of a layer as sums over rows: of its weights (outputs x inputs) L' R, of its bias the column sums of L.</summary>
/// <param name="left">L, B x outputs: the gradient by what the layer computes, before phi. Its padding columns are zero.</param>
/// <param name="right">R, B x inputs: what the layer was given.</param>
/// <param name="weights">Receives L' R.</param>
/// <param name="bias">Receives the sums; null for none.</param>
/// <param name="form">Of vectors.</param>
internal sealed unsafe class GradientProduct(PaddedMatrix left, PaddedMatrix right, SimdParameter weights, SimdParameter? bias, VectorForm form)
{
    private readonly PaddedMatrix? _packed = right.Stride > Tile.Columns ? new(right.Stride / Tile.Columns * left.Rows, Tile.Columns) : null;

    /// <summary>Parts that may run at the same time: strips of 32 inputs.</summary>
    public int Parts => right.Stride / Tile.Columns;

    /// <summary>Computes one part; sums go over rows in their order, whatever the number of threads.</summary>
    public void Run(int part)
    {
        switch (form)
        {
            case VectorForm.Vector512: Run<Wide512>(part); break;
            case VectorForm.Vector256: Run<Wide256>(part); break;
            default: Run<Wide128>(part); break;
        }
    }

    private void Run<T>(int part) where T : unmanaged, IWide<T>
    {
        var tile = stackalloc float[Tile.Rows * Tile.Columns];
        var (first, depth) = (part * Tile.Columns, left.Rows);
        var width = Math.Min(Tile.Columns, weights.Columns - first);
        var panel = right.Row(0) + first;
        var stride = right.Stride;
        if (_packed is not null)
        {
            // Side by side, rows do not evict one another from the cache.
            var packed = _packed.Row(part * depth);
            for (var row = 0; row < depth; row++)
            {
                Buffer.MemoryCopy(panel + (nint)row * stride, packed + (nint)row * Tile.Columns, Tile.Columns * sizeof(float), Tile.Columns * sizeof(float));
            }
            panel = packed;
            stride = Tile.Columns;
        }
        for (var output = 0; output < weights.Rows; output += Tile.Rows)
        {
            T.MultiplyTile(left.Row(0) + output, 1, left.Stride, panel, stride, depth, tile);
            for (var row = 0; row < Math.Min(Tile.Rows, weights.Rows - output); row++)
            {
                new ReadOnlySpan<float>(tile + row * Tile.Columns, width).CopyTo(new Span<float>(weights.Gradient + (nint)(output + row) * weights.Columns + first, width));
            }
        }
        if (part == 0 && bias is { } sums)
        {
            for (var i = 0; i < sums.Columns; i += T.Count)
            {
                var sum = T.Create(0);
                for (var row = 0; row < depth; row++)
                {
                    sum += T.Load(left.Row(row) + i);
                }
                T.Store(tile, sum);
                new ReadOnlySpan<float>(tile, Math.Min(T.Count, sums.Columns - i)).CopyTo(sums.GradientSpan[i..]);
            }
        }
    }
}

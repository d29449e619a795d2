using System.Numerics.Tensors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Projections;

/// <summary>Powers of W'W of a d x d matrix, by squarings on the tiles of the widest form.</summary>
internal sealed unsafe class SymmetricPower(int size)
{
    private const float Tiny = 1e-30f;

    private readonly PaddedMatrix _power = new(size, size), _product = new(size, size);
    private readonly Panels _panels = new(size, size);

    /// <summary>||(W'W)^m||_F^(1 / 2m) with m = 2^squarings: from 1 to d^(1 / 4m) times ||W||_2.</summary>
    public double NormBound(ReadOnlySpan<float> w, int squarings)
    {
        // Every power is divided by its norm, whose logarithm is carried along: no power leaves the range.
        var scale = MathF.Max(TensorPrimitives.Norm(w), Tiny);
        for (var i = 0; i < size; i++)
        {
            TensorPrimitives.Divide(w.Slice(i * size, size), scale, _power[i]);
        }
        var log = Multiply(transposed: true);
        for (var i = 0; i < squarings; i++)
        {
            log = 2 * log + Multiply(transposed: false);
        }
        return Math.Exp(log / (2L << squarings)) * scale;
    }

    /// <summary>Replaces P by P'P or, for a symmetric P, the same by PP, divided by its norm; returns the logarithm of that.</summary>
    private double Multiply(bool transposed)
    {
        _panels.Pack(_power.Row(0), _power.Stride);
        switch (Tile.Best)
        {
            case VectorForm.Vector512: Multiply<Wide512>(transposed); break;
            case VectorForm.Vector256: Multiply<Wide256>(transposed); break;
            default: Multiply<Wide128>(transposed); break;
        }
        var norm = MathF.Max(TensorPrimitives.Norm<float>(_product.All), Tiny);
        TensorPrimitives.Divide(_product.All, norm, _power.All);
        return Math.Log(norm);
    }

    private void Multiply<T>(bool transposed) where T : unmanaged, IWide<T>
    {
        var tile = stackalloc float[Tile.Rows * Tile.Columns];
        for (var panel = 0; panel < _panels.Count; panel++)
        {
            for (var row = 0; row < size; row += Tile.Rows)
            {
                if (transposed)
                {
                    T.MultiplyTile(_power.Row(0) + row, 1, _power.Stride, _panels[panel], Tile.Columns, size, tile);
                }
                else
                {
                    T.MultiplyTile(_power.Row(row), _power.Stride, 1, _panels[panel], Tile.Columns, size, tile);
                }
                for (var i = 0; i < Tile.Rows; i++)
                {
                    new ReadOnlySpan<float>(tile + i * Tile.Columns, Tile.Columns).CopyTo(new Span<float>(_product.Row(row + i) + panel * Tile.Columns, Tile.Columns));
                }
            }
        }
    }
}

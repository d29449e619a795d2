using System.Numerics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>x -> phi(A x + b) of one row, for float32 by kernels of vectors, for float64, their reference, plainly. The matrix is nobody else's to write to; b may differ from row to row. Thread safe.</summary>
internal abstract class DenseRow<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public static DenseRow<T> Create(ReadOnlyMemory<T> matrix, int rows, Activation activation) =>
        typeof(T) == typeof(float) ? (DenseRow<T>)(object)new PackedRow((ReadOnlyMemory<float>)(object)matrix, rows, activation) : new PlainRow(matrix, activation);

    /// <summary>y = A x + b. y may be b, and is not x.</summary>
    public abstract void Affine(ReadOnlySpan<T> x, ReadOnlySpan<T> bias, Span<T> y);

    /// <summary>y = phi(A x + b). y may be b, and is not x.</summary>
    public abstract void Apply(ReadOnlySpan<T> x, ReadOnlySpan<T> bias, Span<T> y);

    /// <summary>The same of a square A, with the norms ||y - x|| and ||y||.</summary>
    public abstract (double Distance, double Norm) Step(ReadOnlySpan<T> x, ReadOnlySpan<T> bias, Span<T> y);

    private sealed class PlainRow(ReadOnlyMemory<T> matrix, Activation activation) : DenseRow<T>
    {
        public override void Affine(ReadOnlySpan<T> x, ReadOnlySpan<T> bias, Span<T> y) => Kernels.Affine(matrix.Span, x, bias, y);

        public override void Apply(ReadOnlySpan<T> x, ReadOnlySpan<T> bias, Span<T> y)
        {
            Affine(x, bias, y);
            activation.Apply(y);
        }

        public override (double Distance, double Norm) Step(ReadOnlySpan<T> x, ReadOnlySpan<T> bias, Span<T> y)
        {
            Apply(x, bias, y);
            return (Kernels.Distance<T>(y, x), Kernels.Norm<T>(y));
        }
    }
}

/// <inheritdoc/>
internal sealed class PackedRow(ReadOnlyMemory<float> matrix, int rows, Activation activation) : DenseRow<float>
{
    private static readonly RowKernels Linear = Activation.Identity.Kernels();

    private readonly RowKernels _kernels = activation.Kernels();
    private PackedMatrix? _packed;

    /// <summary>Packed when the first row comes: a network that is only trained or stored has no second copy of its weights. Two threads may both do it, and one is kept.</summary>
    private PackedMatrix Packed => _packed ??= new PackedMatrix(matrix.Span, rows, matrix.Length / rows, Tile.Best);

    public override void Affine(ReadOnlySpan<float> x, ReadOnlySpan<float> bias, Span<float> y) => Linear.Apply(Packed, x, bias, y);

    public override void Apply(ReadOnlySpan<float> x, ReadOnlySpan<float> bias, Span<float> y) => _kernels.Apply(Packed, x, bias, y);

    public override (double Distance, double Norm) Step(ReadOnlySpan<float> x, ReadOnlySpan<float> bias, Span<float> y)
    {
        var squares = _kernels.Step(Packed, x, bias, y);
        return (Kernels.Root(squares.Distance, y, x), Kernels.Root(squares.Norm, y, default));
    }
}

using System.Numerics;
using System.Numerics.Tensors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>
/// The rate of plain iteration near an equilibrium: the spectral radius of its Jacobian J = D W, D the slopes at W z + u (with that of the normalisation between them where there is one), by the growth of J^k v for a v that is always the same.
/// Unlike the quotient v'Jv / v'v of the power method, growth is right where the largest eigenvalues are complex.
/// </summary>
internal static class ContractionEstimate
{
    /// <summary>Products with J before growth is measured, and those over which it is.</summary>
    private const int Settling = 32, Measured = 128;

    /// <summary>The estimate at the equilibrium z of one row, exact for a triangular W. It allocates.</summary>
    public static double Of<T>(Cell<T> cell, ReadOnlySpan<T> z) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var d = z.Length;
        var w = cell.Weights.W;
        var sums = new T[d];
        cell.Apply(z, new T[d], sums);
        T[] slopes = [.. sums];
        var norm = cell.Weights.Norm;
        norm?.Apply(slopes);
        cell.Weights.Activation.Slope<T>(slopes);
        if (cell.Weights.IsLowerTriangular && norm is null)
        {
            double largest = 0;
            for (var i = 0; i < d; i++)
            {
                largest = Math.Max(largest, Math.Abs(double.CreateChecked(slopes[i] * w[i * d + i])));
            }
            return largest;
        }
        var random = new Random(0);
        T[] v = [.. Enumerable.Range(0, d).Select(_ => T.CreateChecked(random.NextDouble() - 0.5))], zeros = new T[d], next = new T[d];
        double logarithm = 0;
        for (var k = 0; k < Settling + Measured; k++)
        {
            cell.Weights.Map.Affine(v, zeros, next);
            norm?.Push(sums, next);
            TensorPrimitives.Multiply<T>(next, slopes, next);
            var growth = Kernels.Norm<T>(next) / Kernels.Norm<T>(v);
            if (!(growth > 0))
            {
                return growth;
            }
            logarithm += k < Settling ? 0 : Math.Log(growth);
            TensorPrimitives.Multiply<T>(next, T.CreateChecked(1 / Kernels.Norm<T>(next)), v);
        }
        return Math.Exp(logarithm / Measured);
    }
}

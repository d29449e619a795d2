using System.Numerics;
using System.Numerics.Tensors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>Anderson type II over differences of f and of the residual g = f(z) - z (Walker and Ni 2011, eq. 2.2); the small system in float64.</summary>
internal ref struct AndersonStep<T> : IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Anderson _options;
    private readonly int _size;
    private readonly Span<T> _lastF;
    private readonly Span<T> _lastG;
    private readonly Span<T> _g;
    private readonly Span<T> _deltaF;
    private readonly Span<T> _deltaG;
    private int _count;

    public AndersonStep(Anderson options, int size, Span<T> scratch)
    {
        _options = options;
        _size = size;
        _lastF = scratch[..size];
        _lastG = scratch.Slice(size, size);
        _g = scratch.Slice(2 * size, size);
        _deltaF = scratch.Slice(3 * size, options.Memory * size);
        _deltaG = scratch.Slice((3 + options.Memory) * size, options.Memory * size);
    }

    public static int ScratchSize(Anderson options, int size) => (3 + 2 * options.Memory) * size;

    public readonly bool TakesValue(int size, double residual) => false;

    public void Advance(Span<T> z, ReadOnlySpan<T> f, double residual)
    {
        TensorPrimitives.Subtract(f, z, _g);
        if (_count > 0)
        {
            var slot = (_count - 1) % _options.Memory * _size;
            TensorPrimitives.Subtract(f, _lastF, _deltaF.Slice(slot, _size));
            TensorPrimitives.Subtract(_g, _lastG, _deltaG.Slice(slot, _size));
        }
        f.CopyTo(_lastF);
        _g.CopyTo(_lastG);

        // z <- z + damping g, then every difference that the least-squares fit finds superfluous is taken out.
        var damping = T.CreateChecked(_options.Damping);
        TensorPrimitives.Lerp(z, f, damping, z);
        var used = Math.Min(_count, _options.Memory);
        Span<double> gamma = stackalloc double[Anderson.MaxMemory];
        if (used > 0 && Fit(gamma[..used]))
        {
            for (var j = 0; j < used; j++)
            {
                var weight = T.CreateSaturating(gamma[j]);
                var deltaF = _deltaF.Slice(j * _size, _size);
                TensorPrimitives.MultiplyAdd(deltaF, -weight, z, z);
                if (damping != T.One)
                {
                    TensorPrimitives.MultiplyAdd(_deltaG.Slice(j * _size, _size), weight * (T.One - damping), z, z);
                }
            }
        }
        _count++;
    }

    /// <summary>The weights that leave the least of g; false where the differences carry no information (all zero, or not finite).</summary>
    private readonly bool Fit(Span<double> gamma)
    {
        var n = gamma.Length;
        Span<double> gram = stackalloc double[n * n];
        for (var i = 0; i < n; i++)
        {
            var row = _deltaG.Slice(i * _size, _size);
            gamma[i] = double.CreateSaturating(TensorPrimitives.Dot<T>(row, _g));
            for (var j = 0; j <= i; j++)
            {
                gram[i * n + j] = double.CreateSaturating(TensorPrimitives.Dot<T>(row, _deltaG.Slice(j * _size, _size)));
            }
        }
        return Cholesky.Solve(gram, gamma, _options.Ridge) && Kernels.AllFinite<double>(gamma);
    }
}

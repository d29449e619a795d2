using System.Runtime.CompilerServices;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>
/// Anderson type II (Walker and Ni 2011, eq. 2.2) over vectors of one or eight rows: eight rows have common weights, which costs less where rows are short.
/// Over differences of f and of the residual g = f - z; the small system in float64.
/// </summary>
/// <param name="options">Memory, damping, ridge.</param>
/// <param name="length">Of a vector, a multiple of 32.</param>
internal sealed unsafe class Mixing(Anderson options, int length)
{
    private readonly AlignedArray _history = new(checked((2 + 2 * options.Memory) * length));
    private readonly double[] _gram = new double[options.Memory * options.Memory];
    private int _count;

    public void Begin() => _count = 0;

    /// <summary>Overwrites z with the next iterate.</summary>
    public void Advance<T>(float* z, float* f) where T : unmanaged, IWide<T>
    {
        var memory = options.Memory;
        var history = _history.Pointer;
        float* deltaF = history + 2 * length, deltaG = deltaF + memory * length;
        var slot = (_count + memory - 1) % memory;
        Remember<T>(z, f, history, history + length, _count == 0 ? null : deltaF + slot * length, deltaG + slot * length);
        var used = Math.Min(_count++, memory);
        Span<double> gamma = stackalloc double[Anderson.MaxMemory];
        gamma = gamma[..used];
        if (used == 0 || !Fit<T>(gamma, slot, history + length, deltaG))
        {
            gamma.Clear();
        }
        Mix<T>(z, f, gamma, deltaF, deltaG);
    }

    /// <summary>Keeps f and g, and what they differ from the last ones by.</summary>
    private void Remember<T>(float* z, float* f, float* lastF, float* lastG, float* deltaF, float* deltaG) where T : unmanaged, IWide<T>
    {
        for (var i = 0; i < length; i += T.Count)
        {
            var value = T.Load(f + i);
            var residual = value - T.Load(z + i);
            if (deltaF != null)
            {
                T.Store(deltaF + i, value - T.Load(lastF + i));
                T.Store(deltaG + i, residual - T.Load(lastG + i));
            }
            T.Store(lastF + i, value);
            T.Store(lastG + i, residual);
        }
    }

    /// <summary>The weights that leave the least of g; false where the differences carry no information.</summary>
    private bool Fit<T>(Span<double> gamma, int slot, float* g, float* deltaG) where T : unmanaged, IWide<T>
    {
        var (memory, used) = (options.Memory, gamma.Length);
        for (var j = 0; j < used; j++)
        {
            var (product, square) = Dots<T>(deltaG + j * length, g, deltaG + slot * length);
            gamma[j] = product;
            _gram[slot * memory + j] = _gram[j * memory + slot] = square;
        }
        Span<double> system = stackalloc double[used * used];
        for (var i = 0; i < used; i++)
        {
            _gram.AsSpan(i * memory, used).CopyTo(system[(i * used)..]);
        }
        return Cholesky.Solve(system, gamma, options.Ridge) && Kernels.AllFinite<double>(gamma);
    }

    /// <summary>a b and a c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (float, float) Dots<T>(float* a, float* b, float* c) where T : unmanaged, IWide<T>
    {
        T first = T.Create(0), second = first, third = first, fourth = first;
        for (var i = 0; i < length; i += 2 * T.Count)
        {
            T one = T.Load(a + i), two = T.Load(a + i + T.Count);
            first = T.MultiplyAdd(one, T.Load(b + i), first);
            second = T.MultiplyAdd(one, T.Load(c + i), second);
            third = T.MultiplyAdd(two, T.Load(b + i + T.Count), third);
            fourth = T.MultiplyAdd(two, T.Load(c + i + T.Count), fourth);
        }
        return (T.Sum(first + third), T.Sum(second + fourth));
    }

    /// <summary>z + damping g, less what the fit finds superfluous of every difference.</summary>
    private void Mix<T>(float* z, float* f, ReadOnlySpan<double> gamma, float* deltaF, float* deltaG) where T : unmanaged, IWide<T>
    {
        var damping = (float)options.Damping;
        for (var i = 0; i < length; i += T.Count)
        {
            var next = T.Load(f + i);
            if (damping != 1)
            {
                var state = T.Load(z + i);
                next = T.MultiplyAdd(next - state, T.Create(damping), state);
            }
            for (var j = 0; j < gamma.Length; j++)
            {
                var weight = T.Create((float)-gamma[j]);
                next = T.MultiplyAdd(weight, T.Load(deltaF + j * length + i), next);
                if (damping != 1)
                {
                    next = T.MultiplyAdd(weight * T.Create(damping - 1), T.Load(deltaG + j * length + i), next);
                }
            }
            T.Store(z + i, next);
        }
    }
}

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
    [SkipLocalsInit]
    public void Advance<T>(float* z, float* f) where T : unmanaged, IWide<T>
    {
        var memory = options.Memory;
        float* lastF = _history.Pointer, lastG = lastF + length, deltaF = lastG + length, deltaG = deltaF + memory * length;
        var used = Math.Min(_count, memory);
        var weights = stackalloc float[Anderson.MaxMemory];
        if (used > 0)
        {
            var slot = (_count - 1) % memory;
            Remember<T>(z, f, lastF, lastG, deltaF + slot * length, deltaG + slot * length);
            used = Fit<T>(weights, used, slot, lastG, deltaG) ? used : 0;
        }
        else
        {
            Begin<T>(z, f, lastF, lastG);
        }
        _count++;
        if (options.Damping == 1)
        {
            Mix<T>(z, f, weights, used, deltaF);
        }
        else
        {
            MixDamped<T>(z, f, weights, used, deltaF, deltaG);
        }
    }

    private void Begin<T>(float* z, float* f, float* lastF, float* lastG) where T : unmanaged, IWide<T>
    {
        for (var i = 0; i < length; i += T.Count)
        {
            var value = T.Load(f + i);
            T.Store(lastF + i, value);
            T.Store(lastG + i, value - T.Load(z + i));
        }
    }

    /// <summary>Keeps f and g, and what they differ from the last ones by.</summary>
    private void Remember<T>(float* z, float* f, float* lastF, float* lastG, float* deltaF, float* deltaG) where T : unmanaged, IWide<T>
    {
        for (var i = 0; i < length; i += T.Count)
        {
            var value = T.Load(f + i);
            var residual = value - T.Load(z + i);
            T.Store(deltaF + i, value - T.Load(lastF + i));
            T.Store(deltaG + i, residual - T.Load(lastG + i));
            T.Store(lastF + i, value);
            T.Store(lastG + i, residual);
        }
    }

    /// <summary>The weights, negative, that leave the least of g; false where the differences carry no information.</summary>
    [SkipLocalsInit]
    private bool Fit<T>(float* weights, int used, int slot, float* g, float* deltaG) where T : unmanaged, IWide<T>
    {
        var memory = options.Memory;
        double* gamma = stackalloc double[used], system = stackalloc double[used * used];
        for (var j = 0; j < used; j++)
        {
            var (product, square) = Dots<T>(deltaG + j * length, g, deltaG + slot * length);
            gamma[j] = product;
            _gram[slot * memory + j] = _gram[j * memory + slot] = square;
        }
        for (var i = 0; i < used; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                system[i * used + j] = _gram[i * memory + j];
            }
        }
        var usable = Cholesky.Solve(new Span<double>(system, used * used), new Span<double>(gamma, used), options.Ridge);
        for (var j = 0; j < used; j++)
        {
            weights[j] = (float)-gamma[j];
            usable &= float.IsFinite(weights[j]);
        }
        return usable;
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

    /// <summary>z = f, less what the fit finds superfluous of every difference.</summary>
    private void Mix<T>(float* z, float* f, float* weights, int used, float* deltaF) where T : unmanaged, IWide<T>
    {
        for (var i = 0; i < length; i += T.Count)
        {
            var next = T.Load(f + i);
            var delta = deltaF + i;
            for (var j = 0; j < used; j++, delta += length)
            {
                next = T.MultiplyAdd(T.Create(weights[j]), T.Load(delta), next);
            }
            T.Store(z + i, next);
        }
    }

    /// <summary>The same from z + damping g.</summary>
    private void MixDamped<T>(float* z, float* f, float* weights, int used, float* deltaF, float* deltaG) where T : unmanaged, IWide<T>
    {
        var damping = (float)options.Damping;
        for (var i = 0; i < length; i += T.Count)
        {
            var state = T.Load(z + i);
            var next = T.MultiplyAdd(T.Load(f + i) - state, T.Create(damping), state);
            for (var j = 0; j < used; j++)
            {
                next = T.MultiplyAdd(T.Create(weights[j]), T.Load(deltaF + j * length + i), next);
                next = T.MultiplyAdd(T.Create(weights[j] * (damping - 1)), T.Load(deltaG + j * length + i), next);
            }
            T.Store(z + i, next);
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Deq.MLNet.Numerics;

/// <summary>What a step changed: ||y - x||^2 and ||y||^2.</summary>
internal readonly record struct StepSquares(float Distance, float Norm);

/// <summary>Products of a matrix with one vector, with what comes before and after them, compiled for one form of vectors and one function. Without state.</summary>
internal abstract unsafe class RowKernels
{
    /// <summary>v = phi(v).</summary>
    public abstract void Activate(Span<float> v);

    /// <summary>y = phi(A x + b). y may be b, and is not x.</summary>
    /// <param name="a">Packed for this form.</param>
    /// <param name="x">As many values as A has columns.</param>
    /// <param name="bias">b, as many as A has rows.</param>
    /// <param name="y">As many.</param>
    public abstract void Apply(PackedMatrix a, ReadOnlySpan<float> x, ReadOnlySpan<float> bias, Span<float> y);

    /// <summary>The same for an x of the length of y, with what the step changed; squares that leave the range of float32 are lost.</summary>
    public abstract StepSquares Step(PackedMatrix a, ReadOnlySpan<float> x, ReadOnlySpan<float> bias, Span<float> y);
}

/// <inheritdoc/>
internal sealed unsafe class RowKernels<T, TPhi> : RowKernels where T : unmanaged, IWide<T> where TPhi : struct, IElementwise
{
    /// <summary>The states whose zeros are looked for at a time.</summary>
    private const int Chunk = 64;

    public override void Activate(Span<float> v)
    {
        fixed (float* values = v)
        {
            var i = 0;
            for (; i + T.Count <= v.Length; i += T.Count)
            {
                T.Store(values + i, TPhi.Apply(T.Load(values + i)));
            }
            if (i < v.Length)
            {
                T.StoreFirst(values + i, TPhi.Apply(T.LoadFirst(values + i, v.Length - i)), v.Length - i);
            }
        }
    }

    public override void Apply(PackedMatrix a, ReadOnlySpan<float> x, ReadOnlySpan<float> bias, Span<float> y)
    {
        fixed (float* from = x, start = bias, to = y)
        {
            Run(a, from, start, to, null);
        }
    }

    public override StepSquares Step(PackedMatrix a, ReadOnlySpan<float> x, ReadOnlySpan<float> bias, Span<float> y)
    {
        fixed (float* from = x, start = bias, to = y)
        {
            return Run(a, from, start, to, from);
        }
    }

    /// <param name="a">A.</param>
    /// <param name="x">x.</param>
    /// <param name="bias">b.</param>
    /// <param name="y">Receives phi(A x + b).</param>
    /// <param name="before">What y is compared with; null for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static StepSquares Run(PackedMatrix a, float* x, float* bias, float* y, float* before)
    {
        var sums = new Ends(a.Rows, bias, y, before);
        foreach (var panel in a.Panels)
        {
            switch (panel.Vectors)
            {
                case 8: Eight(a[panel], x, a.Columns, panel.Row, ref sums); break;
                case 4: Four(a[panel], x, a.Columns, panel.Row, ref sums); break;
                case 2: Two(a[panel], x, a.Columns, panel.Row, ref sums); break;
                case 1: One(a[panel], x, a.Columns, panel.Row, ref sums); break;
                default: Each(a[panel], x, a.Columns, a.Rows, ref sums); break;
            }
        }
        GC.KeepAlive(a);
        return new StepSquares(T.Sum(sums.Distance), T.Sum(sums.Norm));
    }

    /// <summary>Where sums begin and what becomes of them. A panel works on a copy of its own, which stays in registers.</summary>
    private ref struct Ends(int rows, float* bias, float* y, float* before)
    {
        public T Distance = T.Create(0), Norm = T.Create(0);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly T Begin(int row) => row + T.Count <= rows ? T.Load(bias + row) : T.LoadFirst(bias + row, Math.Max(0, rows - row));

        /// <summary>Leaves a sum where its result will be: many sums are finished in a loop, not each by code of its own.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Keep(int row, T sum)
        {
            if (row + T.Count <= rows)
            {
                T.Store(y + row, sum);
            }
            else
            {
                T.StoreFirst(y + row, sum, Math.Max(0, rows - row));
            }
        }

        /// <summary>Finishes the sums that were kept.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Finish(int row, int vectors)
        {
            for (var end = Math.Min(rows, row + vectors * T.Count); row < end; row += T.Count)
            {
                Finish(row, row + T.Count <= rows ? T.Load(y + row) : T.LoadFirst(y + row, rows - row));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Finish(int row, T sum)
        {
            var value = TPhi.Apply(sum);
            T change;
            if (row + T.Count <= rows)
            {
                T.Store(y + row, value);
                if (before is null)
                {
                    return;
                }
                change = value - T.Load(before + row);
            }
            else
            {
                var count = Math.Max(0, rows - row);
                T.StoreFirst(y + row, value, count);
                if (before is null)
                {
                    return;
                }
                value = T.First(value, count);
                change = value - T.LoadFirst(before + row, count);
            }
            Distance = T.MultiplyAdd(change, change, Distance);
            Norm = T.MultiplyAdd(value, value, Norm);
        }
    }

    /// <summary>Row by row, of a vector's length at the most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Each(float* row, float* x, int columns, int rows, ref Ends all)
    {
        var ends = all;
        var sums = stackalloc float[T.Count];
        for (var i = 0; i < rows; i++)
        {
            T s = T.Create(0), t = s;
            var k = 0;
            for (; k + 2 * T.Count <= columns; k += 2 * T.Count, row += 2 * T.Count)
            {
                s = T.MultiplyAdd(T.Load(row), T.Load(x + k), s);
                t = T.MultiplyAdd(T.Load(row + T.Count), T.Load(x + k + T.Count), t);
            }
            for (; k < columns; k += T.Count, row += T.Count)
            {
                s = T.MultiplyAdd(T.Load(row), T.LoadFirst(x + k, Math.Min(T.Count, columns - k)), s);
            }
            sums[i] = T.Sum(s + t);
        }
        ends.Finish(0, ends.Begin(0) + T.Load(sums));
        all = ends;
    }

    /// <summary>Of 64 values, or as many as are left, those that are not zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong NonZero(float* x, int count)
    {
        ulong mask = 0;
        if (count >= Chunk)
        {
            for (var i = 0; i < Chunk; i += T.Count)
            {
                mask |= (ulong)T.NonZero(T.Load(x + i)) << i;
            }
            return mask;
        }
        for (var i = 0; i < count; i += T.Count)
        {
            mask |= (ulong)T.NonZero(T.LoadFirst(x + i, Math.Min(T.Count, count - i))) << i;
        }
        return mask;
    }

    /// <summary>One column after the other, without those whose factor is zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(float* panel, float* x, int columns, int row, ref Ends all)
    {
        var ends = all;
        var n = T.Count;
        T s0 = ends.Begin(row), s1 = ends.Begin(row + n), s2 = ends.Begin(row + 2 * n), s3 = ends.Begin(row + 3 * n);
        T s4 = ends.Begin(row + 4 * n), s5 = ends.Begin(row + 5 * n), s6 = ends.Begin(row + 6 * n), s7 = ends.Begin(row + 7 * n);
        for (var first = 0; first < columns; first += Chunk)
        {
            for (var mask = NonZero(x + first, columns - first); mask != 0; mask &= mask - 1)
            {
                var k = first + BitOperations.TrailingZeroCount(mask);
                var factor = T.Create(x[k]);
                var column = panel + (nint)k * (8 * n);
                s0 = T.MultiplyAdd(factor, T.Load(column), s0);
                s1 = T.MultiplyAdd(factor, T.Load(column + n), s1);
                s2 = T.MultiplyAdd(factor, T.Load(column + 2 * n), s2);
                s3 = T.MultiplyAdd(factor, T.Load(column + 3 * n), s3);
                s4 = T.MultiplyAdd(factor, T.Load(column + 4 * n), s4);
                s5 = T.MultiplyAdd(factor, T.Load(column + 5 * n), s5);
                s6 = T.MultiplyAdd(factor, T.Load(column + 6 * n), s6);
                s7 = T.MultiplyAdd(factor, T.Load(column + 7 * n), s7);
            }
        }
        ends.Keep(row, s0);
        ends.Keep(row + n, s1);
        ends.Keep(row + 2 * n, s2);
        ends.Keep(row + 3 * n, s3);
        ends.Keep(row + 4 * n, s4);
        ends.Keep(row + 5 * n, s5);
        ends.Keep(row + 6 * n, s6);
        ends.Keep(row + 7 * n, s7);
        ends.Finish(row, 8);
        all = ends;
    }

    /// <summary>Two columns at a time, so that no sum waits for itself; too few to gain from passing over some.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(float* panel, float* x, int columns, int row, ref Ends all)
    {
        var ends = all;
        var n = T.Count;
        T s0 = ends.Begin(row), s1 = ends.Begin(row + n), s2 = ends.Begin(row + 2 * n), s3 = ends.Begin(row + 3 * n);
        T t0 = T.Create(0), t1 = t0, t2 = t0, t3 = t0;
        var k = 0;
        for (; k + 2 <= columns; k += 2, panel += 8 * n)
        {
            var factor = T.Create(x[k]);
            s0 = T.MultiplyAdd(factor, T.Load(panel), s0);
            s1 = T.MultiplyAdd(factor, T.Load(panel + n), s1);
            s2 = T.MultiplyAdd(factor, T.Load(panel + 2 * n), s2);
            s3 = T.MultiplyAdd(factor, T.Load(panel + 3 * n), s3);
            factor = T.Create(x[k + 1]);
            t0 = T.MultiplyAdd(factor, T.Load(panel + 4 * n), t0);
            t1 = T.MultiplyAdd(factor, T.Load(panel + 5 * n), t1);
            t2 = T.MultiplyAdd(factor, T.Load(panel + 6 * n), t2);
            t3 = T.MultiplyAdd(factor, T.Load(panel + 7 * n), t3);
        }
        if (k < columns)
        {
            var factor = T.Create(x[k]);
            s0 = T.MultiplyAdd(factor, T.Load(panel), s0);
            s1 = T.MultiplyAdd(factor, T.Load(panel + n), s1);
            s2 = T.MultiplyAdd(factor, T.Load(panel + 2 * n), s2);
            s3 = T.MultiplyAdd(factor, T.Load(panel + 3 * n), s3);
        }
        ends.Keep(row, s0 + t0);
        ends.Keep(row + n, s1 + t1);
        ends.Keep(row + 2 * n, s2 + t2);
        ends.Keep(row + 3 * n, s3 + t3);
        ends.Finish(row, 4);
        all = ends;
    }

    /// <summary>Four columns at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two(float* panel, float* x, int columns, int row, ref Ends all)
    {
        var ends = all;
        var n = T.Count;
        T s0 = ends.Begin(row), s1 = ends.Begin(row + n);
        T t0 = T.Create(0), t1 = t0, u0 = t0, u1 = t0, v0 = t0, v1 = t0;
        var k = 0;
        for (; k + 4 <= columns; k += 4, panel += 8 * n)
        {
            var factor = T.Create(x[k]);
            s0 = T.MultiplyAdd(factor, T.Load(panel), s0);
            s1 = T.MultiplyAdd(factor, T.Load(panel + n), s1);
            factor = T.Create(x[k + 1]);
            t0 = T.MultiplyAdd(factor, T.Load(panel + 2 * n), t0);
            t1 = T.MultiplyAdd(factor, T.Load(panel + 3 * n), t1);
            factor = T.Create(x[k + 2]);
            u0 = T.MultiplyAdd(factor, T.Load(panel + 4 * n), u0);
            u1 = T.MultiplyAdd(factor, T.Load(panel + 5 * n), u1);
            factor = T.Create(x[k + 3]);
            v0 = T.MultiplyAdd(factor, T.Load(panel + 6 * n), v0);
            v1 = T.MultiplyAdd(factor, T.Load(panel + 7 * n), v1);
        }
        for (; k < columns; k++, panel += 2 * n)
        {
            var factor = T.Create(x[k]);
            s0 = T.MultiplyAdd(factor, T.Load(panel), s0);
            s1 = T.MultiplyAdd(factor, T.Load(panel + n), s1);
        }
        ends.Finish(row, s0 + t0 + (u0 + v0));
        ends.Finish(row + n, s1 + t1 + (u1 + v1));
        all = ends;
    }

    /// <summary>Four columns at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(float* panel, float* x, int columns, int row, ref Ends all)
    {
        var ends = all;
        var n = T.Count;
        T s = ends.Begin(row), t = T.Create(0), u = t, v = t;
        var k = 0;
        for (; k + 4 <= columns; k += 4, panel += 4 * n)
        {
            s = T.MultiplyAdd(T.Create(x[k]), T.Load(panel), s);
            t = T.MultiplyAdd(T.Create(x[k + 1]), T.Load(panel + n), t);
            u = T.MultiplyAdd(T.Create(x[k + 2]), T.Load(panel + 2 * n), u);
            v = T.MultiplyAdd(T.Create(x[k + 3]), T.Load(panel + 3 * n), v);
        }
        for (; k < columns; k++, panel += n)
        {
            s = T.MultiplyAdd(T.Create(x[k]), T.Load(panel), s);
        }
        ends.Finish(row, s + t + (u + v));
        all = ends;
    }
}

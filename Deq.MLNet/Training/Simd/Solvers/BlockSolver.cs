using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>How the rows of a block were solved.</summary>
/// <param name="Iterations">Of the group of rows that took most.</param>
/// <param name="RowIterations">Rows, with padding, times iterations: what was computed.</param>
/// <param name="WorstResidual">Of a row that counts; infinite where one was lost.</param>
/// <param name="Unsolved">Rows that met neither the tolerance nor the limit of precision.</param>
internal readonly record struct BlockSolution(int Iterations, long RowIterations, double WorstResidual, int Unsolved)
{
    public static BlockSolution operator +(BlockSolution a, BlockSolution b) =>
        new(Math.Max(a.Iterations, b.Iterations), a.RowIterations + b.RowIterations, Math.Max(a.WorstResidual, b.WorstResidual), a.Unsolved + b.Unsolved);
}

/// <summary>Finds the fixed points z = map(z) of a block of rows, in groups of eight: the loop, the stopping test and the cap exist here once. Thread safe.</summary>
/// <param name="method">Picard, Anderson, Auto or ForwardSubstitution.</param>
/// <param name="tolerance">The stopping test, of every row.</param>
/// <param name="maxIterations">The cap.</param>
/// <param name="size">d.</param>
internal sealed unsafe class BlockSolver(FixedPointSolver method, Tolerance tolerance, int maxIterations, int size)
{
    /// <summary>From this size on every row has Anderson weights of its own.</summary>
    private const int SizeOfOwnWeights = 128;

    /// <summary>Groups that iterate side by side where W does not fit the first cache, so that it is read once for all of them.</summary>
    private readonly int _groupsAtOnce = size <= 64 ? 4 : size <= 128 ? 2 : 8;

    private readonly Anderson _anderson = method as Anderson ?? MixingRule.Method;
    private readonly MixingRule _rule = new(tolerance.Relative, size);
    private readonly ConcurrentBag<GroupMemory> _free = [];

    /// <summary>Solves some rows.</summary>
    /// <param name="matrix">M, d x d.</param>
    /// <param name="map">What becomes of z M.</param>
    /// <param name="z">The start, overwritten by the iterates that met the test; of rows that did not by the best one since residuals first rose, or the last.</param>
    /// <param name="f">Overwritten by the map of them.</param>
    /// <param name="rows">The block.</param>
    /// <param name="fromZero">Whether the start is zero, whatever z holds: z M need not be computed then.</param>
    public BlockSolution Solve<T, TMap>(Panels matrix, TMap map, PaddedMatrix z, PaddedMatrix f, RowBlock rows, bool fromZero)
        where T : unmanaged, IWide<T> where TMap : struct, ITileMap<T>
    {
        var memory = _free.TryTake(out var free) ? free : new GroupMemory(_groupsAtOnce, z.Stride, _anderson, size < SizeOfOwnWeights);
        var total = new BlockSolution();
        // What substitution finds is tested, and improved should rounding ask for it, as any start is.
        var backwards = method is ForwardSubstitution ? Substitution.IsBackwards(matrix) : null;
        for (var row = 0; row < rows.Padded; row += _groupsAtOnce * Tile.Rows)
        {
            var count = Math.Min(_groupsAtOnce * Tile.Rows, rows.Padded - row) / Tile.Rows;
            for (var i = 0; i < count; i++)
            {
                var first = rows.First + row + i * Tile.Rows;
                if (fromZero)
                {
                    new Span<float>(z.Row(first), Tile.Rows * z.Stride).Clear();
                }
                if (backwards is { } direction)
                {
                    for (var one = 0; one < Tile.Rows; one++)
                    {
                        Substitution.Solve<T, TMap>(matrix, map, ((nint)row + i * Tile.Rows + one) * z.Stride, z.Row(first + one), f.Row(first + one), direction);
                    }
                }
                memory.Groups[i].Begin(z.Row(first), f.Row(first), tolerance);
                if (method is Anderson)
                {
                    memory.BeginMixing(i);
                }
            }
            Iterate<T, TMap>(memory, memory.Groups.AsSpan(0, count), matrix, map, (nint)row * z.Stride, z.Stride, fromZero && backwards is null);
            for (var i = 0; i < count; i++)
            {
                var first = row + i * Tile.Rows;
                memory.Finish(i);
                total += memory.Groups[i].Solution(Math.Min(Tile.Rows, rows.Count - first));
                if (memory.Groups[i].Z != z.Row(rows.First + first))
                {
                    Exchange(z.Row(rows.First + first), f.Row(rows.First + first), Tile.Rows * z.Stride);
                }
            }
        }
        _free.Add(memory);
        return total;
    }

    private void Iterate<T, TMap>(GroupMemory memory, Span<Group> groups, Panels matrix, TMap map, nint place, int stride, bool fromZero)
        where T : unmanaged, IWide<T> where TMap : struct, ITileMap<T>
    {
        var tile = memory.Product.Pointer;
        var sums = Tile.Rows * T.Count;
        for (var (iteration, active) = (1, groups.Length); active > 0; iteration++)
        {
            if (iteration == 1 && fromZero)
            {
                memory.Product.Span.Clear();
            }
            for (var panel = 0; panel < matrix.Count; panel++)
            {
                for (var i = 0; i < groups.Length; i++)
                {
                    ref var group = ref groups[i];
                    if (!group.IsDone)
                    {
                        if (iteration > 1 || !fromZero)
                        {
                            T.MultiplyTile(group.Z, stride, 1, matrix[panel], Tile.Columns, size, tile);
                        }
                        Map<T, TMap>(map, tile, place + (nint)i * Tile.Rows * stride + panel * Tile.Columns, stride, group.Z + panel * Tile.Columns, group.F + panel * Tile.Columns,
                            memory.Sums.Pointer + 2 * i * sums, panel == 0);
                    }
                }
            }
            active = 0;
            for (var i = 0; i < groups.Length; i++)
            {
                ref var group = ref groups[i];
                if (group.IsDone)
                {
                    continue;
                }
                var squares = memory.Sums.Pointer + 2 * i * sums;
                if (group.Test(iteration, T.SumEach(squares), T.SumEach(squares + sums), size, stride))
                {
                    for (var row = 0; row < Tile.Rows; row++)
                    {
                        memory.RoundingErrors[row] = (group.Unmet >> row & 1) == 0 ? 0 : RoundingError<T, TMap>(matrix, map, in group, row, place + ((nint)i * Tile.Rows + row) * stride, stride);
                    }
                    group.EndAtPrecisionLimit(memory.RoundingErrors);
                }
                if (group.IsToBeKept)
                {
                    memory.Keep(i);
                }
                if (iteration == maxIterations)
                {
                    group.EndAtCap();
                }
                if (!group.IsDone)
                {
                    active++;
                    Advance<T>(memory, ref group, i, maxIterations - iteration, stride);
                }
            }
        }
    }

    /// <summary>f = map(z) of 8 rows and 32 columns, and the sums of (f - z)^2 and of f^2, by row.</summary>
    private static void Map<T, TMap>(TMap map, float* tile, nint place, int stride, float* z, float* f, float* sums, bool first)
        where T : unmanaged, IWide<T> where TMap : struct, ITileMap<T>
    {
        for (var row = 0; row < Tile.Rows; row++)
        {
            T squares = first ? T.Create(0) : T.Load(sums), norms = first ? T.Create(0) : T.Load(sums + Tile.Rows * T.Count);
            for (var column = 0; column < Tile.Columns; column += T.Count)
            {
                var value = map.Apply(T.Load(tile + column), place + column);
                var change = value - T.Load(z + column);
                T.Store(f + column, value);
                squares = T.MultiplyAdd(change, change, squares);
                norms = T.MultiplyAdd(value, value, norms);
            }
            T.Store(sums, squares);
            T.Store(sums + Tile.Rows * T.Count, norms);
            sums += T.Count;
            tile += Tile.Columns;
            place += stride;
            z += stride;
            f += stride;
        }
    }

    private void Advance<T>(GroupMemory memory, ref Group group, int index, int left, int stride) where T : unmanaged, IWide<T>
    {
        if (method is Auto && !group.Mixes && _rule.Pays(group.Residuals, left))
        {
            memory.BeginMixing(index);
        }
        if (!group.Mixes)
        {
            if (method is Picard { Damping: var damping and not 1 })
            {
                Damp<T>(group.Z, group.F, (float)damping, Tile.Rows * stride);
            }
            else
            {
                group.Swap();
            }
            return;
        }
        if (group.Lost != 0)
        {
            // A row without a number in it must not spoil the weights of the others.
            ClearLost(in group, stride);
        }
        var mixings = memory.MixingsOf(index);
        var length = Tile.Rows * stride / mixings.Length;
        for (var i = 0; i < mixings.Length; i++)
        {
            mixings[i].Advance<T>(group.Z + i * length, group.F + i * length);
        }
    }

    private static void ClearLost(in Group group, int stride)
    {
        for (var row = 0; row < Tile.Rows; row++)
        {
            if ((group.Lost >> row & 1) != 0)
            {
                new Span<float>(group.Z + row * stride, stride).Clear();
                new Span<float>(group.F + row * stride, stride).Clear();
            }
        }
    }

    private static void Damp<T>(float* z, float* f, float damping, int length) where T : unmanaged, IWide<T>
    {
        for (var i = 0; i < length; i += T.Count)
        {
            var state = T.Load(z + i);
            T.Store(z + i, T.MultiplyAdd(T.Load(f + i) - state, T.Create(damping), state));
        }
    }

    /// <summary>As of the managed cell: the norm of the error that rounding alone makes in the map of one row.</summary>
    private double RoundingError<T, TMap>(Panels matrix, TMap map, in Group group, int row, nint place, int stride) where T : unmanaged, IWide<T> where TMap : struct, ITileMap<T>
    {
        const double Epsilon = 1.0 / (1 << 23);
        float* z = group.Z + row * stride, f = group.F + row * stride;
        double sum = 0;
        for (var column = 0; column < size; column++)
        {
            var weights = matrix[column / Tile.Columns] + column % Tile.Columns;
            double terms = Math.Abs(map.Injection(place + column));
            for (var k = 0; k < size; k++)
            {
                terms += Math.Abs((double)weights[(nint)k * Tile.Columns] * z[k]);
            }
            var error = Epsilon * (terms * map.Gain(f[column], place + column) + ActivationExtensions.ErrorUnits * Math.Abs(f[column]));
            sum += error * error;
        }
        return Math.Sqrt(sum);
    }

    private static void Exchange(float* a, float* b, int length)
    {
        for (var i = 0; i < length; i += Vector256<float>.Count)
        {
            Vector256<float> one = Vector256.Load(a + i), two = Vector256.Load(b + i);
            two.Store(a + i);
            one.Store(b + i);
        }
    }
}

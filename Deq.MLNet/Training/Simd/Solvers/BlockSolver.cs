using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.Intrinsics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>How the rows of a block were solved.</summary>
/// <param name="Iterations">Of the group of rows that took most.</param>
/// <param name="RowIterations">Rows, with padding, times iterations: what was computed.</param>
/// <param name="WorstResidual">Of a row that counts; infinite where one was lost.</param>
/// <param name="Unsolved">Rows that met neither the tolerance nor the limit of precision.</param>
internal readonly record struct BlockSolution(int Iterations, long RowIterations, double WorstResidual, int Unsolved);

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
    private readonly int _groupsOfUnit = size <= 64 ? 4 : size <= 128 ? 2 : 8;

    private bool SharesWeights => size < SizeOfOwnWeights;

    private readonly Anderson _anderson = method as Anderson ?? MixingRule.Method;
    private readonly MixingRule _rule = new(tolerance.Relative, size);
    private readonly ConcurrentBag<Unit> _free = [];

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
        var unit = _free.TryTake(out var free) ? free : new Unit(this, z.Stride);
        var total = new BlockSolution();
        // What substitution finds is tested, and improved should rounding ask for it, as any start is.
        var backwards = method is ForwardSubstitution ? Substitution.IsBackwards(matrix) : null;
        for (var row = 0; row < rows.Padded; row += _groupsOfUnit * Tile.Rows)
        {
            var count = Math.Min(_groupsOfUnit * Tile.Rows, rows.Padded - row) / Tile.Rows;
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
                unit.Groups[i].Begin(z.Row(first), f.Row(first), tolerance, method is Anderson);
            }
            Iterate<T, TMap>(unit, unit.Groups.AsSpan(0, count), matrix, map, (nint)row * z.Stride, z.Stride, fromZero && backwards is null);
            for (var i = 0; i < count; i++)
            {
                var first = row + i * Tile.Rows;
                unit.Finish(i);
                total = Add(total, in unit.Groups[i], Math.Min(Tile.Rows, rows.Count - first));
                if (unit.Groups[i].Z != z.Row(rows.First + first))
                {
                    Exchange(z.Row(rows.First + first), f.Row(rows.First + first), Tile.Rows * z.Stride);
                }
            }
        }
        _free.Add(unit);
        return total;
    }

    private void Iterate<T, TMap>(Unit unit, Span<Group> groups, Panels matrix, TMap map, nint place, int stride, bool fromZero)
        where T : unmanaged, IWide<T> where TMap : struct, ITileMap<T>
    {
        var tile = unit.Tile.Pointer;
        var sums = Tile.Rows * T.Count;
        for (var (iteration, active) = (1, groups.Length); active > 0; iteration++)
        {
            if (iteration == 1 && fromZero)
            {
                unit.Tile.Span.Clear();
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
                            unit.Sums.Pointer + 2 * i * sums, panel == 0);
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
                var squares = unit.Sums.Pointer + 2 * i * sums;
                if (group.Test(iteration, T.SumEach(squares), T.SumEach(squares + sums), size, stride))
                {
                    Span<double> errors = unit.RoundingErrors;
                    for (var row = 0; row < Tile.Rows; row++)
                    {
                        errors[row] = (group.Unmet >> row & 1) == 0 ? 0 : RoundingError<T, TMap>(matrix, map, in group, row, place + ((nint)i * Tile.Rows + row) * stride, stride);
                    }
                    group.EndAtPrecisionLimit(errors);
                }
                if (group.IsToBeKept)
                {
                    unit.Keep(i, in group);
                }
                if (iteration == maxIterations)
                {
                    group.EndAtCap();
                }
                if (!group.IsDone)
                {
                    active++;
                    Advance<T>(unit, ref group, i, maxIterations - iteration, stride);
                }
            }
        }
    }

    /// <summary>f = map(z) of 8 rows and 32 columns, and the sums of (f - z)^2 and of f^2, by row.</summary>
    internal static void Map<T, TMap>(TMap map, float* tile, nint place, int stride, float* z, float* f, float* sums, bool first)
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

    private void Advance<T>(Unit unit, ref Group group, int index, int left, int stride) where T : unmanaged, IWide<T>
    {
        if (method is Auto && !group.Mixes && _rule.Pays(group.Residuals, left))
        {
            group.Mixes = true;
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
        var mixings = unit.MixingsOf(index);
        var length = Tile.Rows * stride / mixings.Length;
        for (var i = 0; i < mixings.Length; i++)
        {
            if (!group.HasMixed)
            {
                mixings[i].Begin();
            }
            mixings[i].Advance<T>(group.Z + i * length, group.F + i * length);
        }
        group.HasMixed = true;
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
        const double Epsilon = 1.0 / (1 << 23), UnitsOfAct = 7;
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
            var error = Epsilon * (terms * map.Gain(f[column], place + column) + UnitsOfAct * Math.Abs(f[column]));
            sum += error * error;
        }
        return Math.Sqrt(sum);
    }

    private static BlockSolution Add(in BlockSolution total, in Group group, int rows)
    {
        var counted = (1u << rows) - 1;
        var worst = (group.Lost & counted) != 0 ? double.PositiveInfinity : group.Residuals.Now;
        return new BlockSolution(Math.Max(total.Iterations, group.Iterations), total.RowIterations + (long)Tile.Rows * group.Iterations, Math.Max(total.WorstResidual, worst),
            total.Unsolved + BitOperations.PopCount(group.Unmet & counted));
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

    /// <summary>What one thread needs to solve some groups.</summary>
    private sealed class Unit(BlockSolver solver, int stride)
    {
        private readonly Mixing[]?[] _mixings = new Mixing[solver._groupsOfUnit][];

        private readonly AlignedArray?[] _kept = new AlignedArray?[solver._groupsOfUnit];

        public Group[] Groups { get; } = new Group[solver._groupsOfUnit];

        public double[] RoundingErrors { get; } = new double[Numerics.Tile.Rows];

        public AlignedArray Tile { get; } = new(Numerics.Tile.Rows * Numerics.Tile.Columns);

        public AlignedArray Sums { get; } = new(solver._groupsOfUnit * 2 * Numerics.Tile.Rows * Vector512<float>.Count);

        /// <summary>One for all rows of a group, or one for each.</summary>
        public Mixing[] MixingsOf(int group) => _mixings[group] ??= solver.SharesWeights ? [New(Numerics.Tile.Rows * stride)] : [.. Enumerable.Range(0, Numerics.Tile.Rows).Select(_ => New(stride))];

        /// <summary>Keeps the iterate of a group and the map of it.</summary>
        public void Keep(int index, in Group group)
        {
            var length = Numerics.Tile.Rows * stride;
            var kept = (_kept[index] ??= new AlignedArray(2 * length)).Span;
            new ReadOnlySpan<float>(group.Z, length).CopyTo(kept);
            new ReadOnlySpan<float>(group.F, length).CopyTo(kept[length..]);
        }

        /// <summary>Gives a group that was not solved the best iterate that was kept, and a row that is not finite the value that tells so.</summary>
        public void Finish(int index)
        {
            ref var group = ref Groups[index];
            var length = Numerics.Tile.Rows * stride;
            if (group.KeptIsBetter)
            {
                _kept[index]!.Span[..length].CopyTo(new Span<float>(group.Z, length));
                _kept[index]!.Span[length..].CopyTo(new Span<float>(group.F, length));
                group.TakeKept();
            }
            for (var row = 0; group.Lost >> row != 0; row++)
            {
                if ((group.Lost >> row & 1) != 0)
                {
                    new ReadOnlySpan<float>(group.F + row * stride, stride).CopyTo(new Span<float>(group.Z + row * stride, stride));
                }
            }
        }

        private Mixing New(int length) => new(solver._anderson, length);
    }
}

using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>
/// One state after the other, for a triangular M: forwards in the cell, whose W is lower triangular, backwards in its adjoint. Exact after one pass; with a diagonal only
/// where act is made of straight lines through 0, as that of the adjoint always is.
/// </summary>
internal static unsafe class Substitution
{
    /// <summary>Whether the last state is the one that depends on no other; null for an M that is not triangular.</summary>
    public static bool? IsBackwards(Panels matrix)
    {
        bool below = false, above = false;
        for (var row = 0; row < matrix.Depth; row++)
        {
            for (var column = 0; column < matrix.Columns && !(below && above); column++)
            {
                var isZero = At(matrix, row)[column / Tile.Columns * (nint)matrix.Depth * Tile.Columns + column % Tile.Columns] == 0;
                below |= row > column && !isZero;
                above |= row < column && !isZero;
            }
        }
        return below && above ? null : below;
    }

    /// <summary>Overwrites one row by its fixed point.</summary>
    /// <param name="matrix">M.</param>
    /// <param name="map">act and u.</param>
    /// <param name="place">Of the row.</param>
    /// <param name="z">The row, with its padding.</param>
    /// <param name="sums">As long, for what the states known so far give.</param>
    /// <param name="backwards">As <see cref="IsBackwards"/> says.</param>
    public static void Solve<T, TMap>(Panels matrix, TMap map, nint place, float* z, float* sums, bool backwards) where T : unmanaged, IWide<T> where TMap : struct, ITileMap<T>
    {
        var size = matrix.Depth;
        var panelSize = (nint)size * Tile.Columns;
        new Span<float>(sums, matrix.Count * Tile.Columns).Clear();
        for (var known = 0; known < size; known++)
        {
            var state = backwards ? size - 1 - known : known;
            var row = At(matrix, state);
            var panel = state / Tile.Columns;
            var value = map.Apply(sums[state], place + state);
            var own = row[panel * panelSize + state % Tile.Columns];
            // z = s (a + z m), with the slope s of the side of 0 on which a = sum + u lies.
            if (own != 0 && value != 0)
            {
                value /= 1 - value / (sums[state] + map.Injection(place + state)) * own;
            }
            z[state] = value;
            if (value == 0)
            {
                continue;
            }
            var (first, end) = backwards ? (0, panel + 1) : (panel, matrix.Count);
            for (var other = first; other < end; other++)
            {
                for (var column = 0; column < Tile.Columns; column += T.Count)
                {
                    var to = sums + other * Tile.Columns + column;
                    T.Store(to, T.MultiplyAdd(T.Create(value), T.Load(row + other * panelSize + column), T.Load(to)));
                }
            }
        }
    }

    /// <summary>A row of M in the first panel; in the next it stands a panel further.</summary>
    private static float* At(Panels matrix, int row) => matrix[0] + (nint)row * Tile.Columns;
}

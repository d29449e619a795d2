using System.Runtime.Intrinsics;

namespace Deq.MLNet.Numerics;

/// <summary>
/// The unit of all products of matrices: 8 rows of A times a panel of 32 columns, the sums in registers. A panel has the 32 values of one depth after another;
/// a tile is 8 x 32, row-major.
/// </summary>
internal static class Tile
{
    public const int Rows = 8;

    public const int Columns = 32;

    /// <summary>The widest form that this machine has instructions for.</summary>
    public static readonly VectorForm Best = Vector512.IsHardwareAccelerated ? VectorForm.Vector512 : Vector256.IsHardwareAccelerated ? VectorForm.Vector256 : VectorForm.Vector128;

    public static int PaddedRows(int rows) => checked(rows + Rows - 1) / Rows * Rows;

    public static int PaddedColumns(int columns) => checked(columns + Columns - 1) / Columns * Columns;
}

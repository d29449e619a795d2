using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public sealed unsafe class TileTests
{
    /// <summary>A tile of the product of a matrix, or of its transpose, with a packed one, in every form.</summary>
    [Fact]
    public void A_tile_is_that_of_the_product_in_float64() => Gen.Select(Gen.Int[0, 80], Gen.Int[1, 100], Gen.Bool, Gen.Bool, Gen.Int[0, 100_000]).Sample((depth, columns, transposedLeft, transposedRight, seed) =>
    {
        var random = new Random(seed);
        var (a, b) = (RandomCell.Values(random, 8 * depth, 1), RandomCell.Values(random, depth * columns, 1));
        var panels = new Panels(depth, columns);
        (panels.Depth, panels.Columns, panels.Count).Should().Be((depth, columns, (columns + 31) / 32));
        var tile = stackalloc float[8 * 32];
        fixed (float* left = a, right = b)
        {
            if (transposedRight)
            {
                panels.PackTransposed(right, depth);
            }
            else
            {
                panels.Pack(right, columns);
            }
            double Left(int row, int k) => transposedLeft ? a[k * 8 + row] : a[row * depth + k];
            double Right(int k, int column) => column >= columns ? 0 : transposedRight ? b[column * depth + k] : b[k * columns + column];
            foreach (var form in Enum.GetValues<VectorForm>())
            {
                for (var panel = 0; panel < panels.Count; panel++)
                {
                    var (rowStride, depthStride) = transposedLeft ? (1, 8) : (depth, 1);
                    Multiply(form, left, rowStride, depthStride, panels[panel], depth, tile);
                    for (var i = 0; i < 8 * 32; i++)
                    {
                        var (row, column) = (i / 32, panel * 32 + i % 32);
                        var terms = Enumerable.Range(0, depth).Select(k => Left(row, k) * Right(k, column)).ToArray();
                        ((double)tile[i]).Should().BeApproximately(terms.Sum(), 1e-6 * terms.Sum(Math.Abs), "row {0}, column {1} in {2}", row, column, form);
                    }
                }
            }
        }
        GC.KeepAlive(panels);
    }, iter: LongForm.Times(40));

    [Fact]
    public void Matrices_have_room_for_whole_tiles_that_start_on_a_line_of_the_cache() => Gen.Select(Gen.Int[1, 40], Gen.Int[1, 100]).Sample((rows, columns) =>
    {
        var matrix = new PaddedMatrix(rows, columns);
        (matrix.Rows, matrix.Columns, matrix.Stride).Should().Be((rows, columns, (columns + 31) / 32 * 32));
        matrix.All.Length.Should().Be((rows + 7) / 8 * 8 * matrix.Stride);
        for (var row = 0; row < matrix.All.Length / matrix.Stride; row++)
        {
            ((nint)matrix.Row(row) % 64).Should().Be(0);
            matrix[row].Length.Should().Be(columns);
            matrix[row].Fill(row + 1);
            matrix.Row(row)[columns - 1].Should().Be(row + 1);
        }
        matrix.All.ToArray().Count(v => v == 0).Should().Be(matrix.All.Length / matrix.Stride * (matrix.Stride - columns), "nothing but the columns was written");
    }, iter: LongForm.Times(50));

    [Fact]
    public void Sizes_beyond_memory_are_refused()
    {
        FluentActions.Invoking(() => new PaddedMatrix(1 << 20, 1 << 20)).Should().Throw<OverflowException>();
        FluentActions.Invoking(() => new Panels(1 << 20, 1 << 20)).Should().Throw<OverflowException>();
        FluentActions.Invoking(() => Tile.PaddedColumns(int.MaxValue)).Should().Throw<OverflowException>();
    }

    private static void Multiply(VectorForm form, float* a, nint rowStride, nint depthStride, float* panel, nint depth, float* tile)
    {
        switch (form)
        {
            case VectorForm.Vector512: Wide512.MultiplyTile(a, rowStride, depthStride, panel, 32, depth, tile); break;
            case VectorForm.Vector256: Wide256.MultiplyTile(a, rowStride, depthStride, panel, 32, depth, tile); break;
            default: Wide128.MultiplyTile(a, rowStride, depthStride, panel, 32, depth, tile); break;
        }
    }
}

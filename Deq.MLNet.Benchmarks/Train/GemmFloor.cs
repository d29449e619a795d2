using Deq.MLNet.Numerics;
using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>The product of a batch's states (B x d) with a dense W, by libtorch and by the library's own kernel: no step can be faster than its iterations' products.</summary>
internal sealed unsafe class GemmFloor : IDisposable
{
    /// <summary>Rows that stay in the nearest memory while the panels pass.</summary>
    private const int BlockRows = 64;

    private readonly int _rows;
    private readonly PaddedMatrix _states;
    private readonly Panels _panels;
    private readonly AlignedArray _tiles;
    private readonly Tensor _z, _w, _product;

    public GemmFloor(Problem problem)
    {
        (_rows, var size) = (problem.BatchRows, problem.Size);
        var values = RandomCell.Values(new Random(2), _rows * size, 1);
        (_states, _panels) = (new PaddedMatrix(_rows, size), new Panels(size, size));
        for (var row = 0; row < _rows; row++)
        {
            values.AsSpan(row * size, size).CopyTo(_states[row]);
        }
        fixed (float* w = problem.Weights.W)
        {
            _panels.PackTransposed(w, size);
        }
        _tiles = new AlignedArray(_rows * Tile.PaddedColumns(size));
        (_z, _w, _product) = (tensor(values).view(_rows, size), tensor(problem.Weights.W).view(size, size).t().contiguous(), zeros(_rows, size));
        Torch = new Way("product by libtorch", () =>
        {
            using var mode = no_grad();
            _product.addmm_(_z, _w, 0, 1);
        });
        Own = new Way("product by the library's kernel", Tile.Best switch
        {
            VectorForm.Vector512 => Multiply<Wide512>,
            VectorForm.Vector256 => Multiply<Wide256>,
            _ => Multiply<Wide128>,
        });
    }

    public Way Torch { get; }

    public Way Own { get; }

    /// <summary>The largest difference of the two products.</summary>
    public double Difference()
    {
        Torch.Run();
        Own.Run();
        var expected = _product.data<float>().ToArray();
        var size = _panels.Columns;
        return expected.Select((v, i) => (double)Math.Abs(v - At(i / size, i % size))).Max();

        float At(int row, int column) => _tiles.Span[((column / Tile.Columns) * (_rows / Tile.Rows) + row / Tile.Rows) * Tile.Rows * Tile.Columns + row % Tile.Rows * Tile.Columns + column % Tile.Columns];
    }

    private void Multiply<T>() where T : unmanaged, IWide<T>
    {
        for (var block = 0; block < _rows; block += BlockRows)
        {
            for (var panel = 0; panel < _panels.Count; panel++)
            {
                for (var row = block; row < block + BlockRows; row += Tile.Rows)
                {
                    var tile = panel * (_rows / Tile.Rows) + row / Tile.Rows;
                    T.MultiplyTile(_states.Row(row), _states.Stride, 1, _panels[panel], Tile.Columns, _panels.Depth, _tiles.Pointer + (nint)tile * Tile.Rows * Tile.Columns);
                }
            }
        }
    }

    public void Dispose()
    {
        _z.Dispose();
        _w.Dispose();
        _product.Dispose();
    }
}

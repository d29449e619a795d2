using System.Numerics.Tensors;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Simd.Solvers;

namespace Deq.MLNet.Training.Simd;

/// <summary>What is computed of a block of rows, compiled for one form of vectors and one phi. One object may be used by many threads.</summary>
internal abstract unsafe class BatchKernels
{
    public static BatchKernels Create(VectorForm form, Activation activation) => form switch
    {
        VectorForm.Vector512 => Create<Wide512>(activation),
        VectorForm.Vector256 => Create<Wide256>(activation),
        _ => Create<Wide128>(activation),
    };

    private static BatchKernels Create<T>(Activation activation) where T : unmanaged, IWide<T> => activation switch
    {
        Activation.ReLU => new BatchKernels<T, Rectifier>(activation),
        Activation.Tanh => new BatchKernels<T, HyperbolicTangent>(activation),
        Activation.LeakyReLU => new BatchKernels<T, LeakyRectifier>(activation),
        Activation.GELU => new BatchKernels<T, GaussianErrorLinear>(activation),
        Activation.Softplus => new BatchKernels<T, SoftPlus>(activation),
        Activation.Identity => new BatchKernels<T, IdentityMap>(activation),
        _ => throw new NotSupportedException($"{activation} has no vector form."),
    };

    /// <summary>Whether the slope of phi is read from its argument; else from its value.</summary>
    public abstract bool SlopeNeedsArgument { get; }

    /// <summary>y = x W' + b, for the rows of a block and their padding.</summary>
    /// <param name="x">Rows x inputs.</param>
    /// <param name="weights">W', inputs x outputs.</param>
    /// <param name="bias">Outputs; null for none.</param>
    /// <param name="y">Rows x outputs.</param>
    /// <param name="rows">The block.</param>
    public abstract void Affine(PaddedMatrix x, Panels weights, float* bias, PaddedMatrix y, RowBlock rows);

    /// <summary>y = a * b, element by element.</summary>
    public static void Multiply(PaddedMatrix a, PaddedMatrix b, PaddedMatrix y, RowBlock rows) => TensorPrimitives.Multiply(rows.Of(a), rows.Of(b), rows.Of(y));

    /// <summary>y = a + b.</summary>
    public static void Add(PaddedMatrix a, PaddedMatrix b, PaddedMatrix y, RowBlock rows) => TensorPrimitives.Add(rows.Of(a), rows.Of(b), rows.Of(y));

    /// <summary>y = factor a.</summary>
    public static void Scale(PaddedMatrix a, float factor, PaddedMatrix y, RowBlock rows) => TensorPrimitives.Multiply(rows.Of(a), factor, rows.Of(y));

    /// <summary>y = x M.</summary>
    public void Product(PaddedMatrix x, Panels m, PaddedMatrix y, RowBlock rows) => Affine(x, m, null, y, rows);

    /// <summary>y = x W' + b for few outputs, by a dot product each.</summary>
    /// <param name="x">Rows x inputs.</param>
    /// <param name="weights">W, outputs x inputs.</param>
    /// <param name="bias">Outputs; null for none.</param>
    /// <param name="y">Rows x outputs.</param>
    /// <param name="rows">The block.</param>
    public abstract void Affine(PaddedMatrix x, PaddedMatrix weights, float* bias, PaddedMatrix y, RowBlock rows);

    /// <summary>y = x W for few columns of x.</summary>
    /// <param name="x">Rows x terms.</param>
    /// <param name="weights">W, terms x columns.</param>
    /// <param name="y">Rows x columns.</param>
    /// <param name="rows">The block.</param>
    public abstract void Combine(PaddedMatrix x, PaddedMatrix weights, PaddedMatrix y, RowBlock rows);

    /// <summary>y = phi(a).</summary>
    public abstract void Activate(PaddedMatrix a, PaddedMatrix y, RowBlock rows);

    /// <summary>Writes the slopes of phi.</summary>
    /// <param name="value">phi(a).</param>
    /// <param name="argument">a; anything where <see cref="SlopeNeedsArgument"/> is false.</param>
    /// <param name="slope">Receives phi'(a).</param>
    /// <param name="rows">The block.</param>
    public abstract void Slope(PaddedMatrix value, PaddedMatrix argument, PaddedMatrix slope, RowBlock rows);

    /// <summary>Solves z = mask * phi(z W' + u).</summary>
    /// <param name="solver">How.</param>
    /// <param name="w">W', d x d.</param>
    /// <param name="injection">u.</param>
    /// <param name="mask">Of the dropout; null for ones.</param>
    /// <param name="z">The start, overwritten by the equilibria.</param>
    /// <param name="f">Overwritten by the cell of them.</param>
    /// <param name="rows">The block.</param>
    /// <param name="fromZero">Whether the start is zero, whatever z holds.</param>
    public abstract BlockSolution SolveCell(BlockSolver solver, Panels w, PaddedMatrix injection, PaddedMatrix? mask, PaddedMatrix z, PaddedMatrix f, RowBlock rows, bool fromZero);

    /// <summary>Solves m = slope * (m W + g) from zero.</summary>
    /// <param name="solver">How.</param>
    /// <param name="w">W, d x d.</param>
    /// <param name="gradient">g, the gradient by the state.</param>
    /// <param name="slope">That of the cell.</param>
    /// <param name="m">Overwritten by the solution.</param>
    /// <param name="f">Overwritten by the right-hand side at it.</param>
    /// <param name="rows">The block.</param>
    public abstract BlockSolution SolveAdjoint(BlockSolver solver, Panels w, PaddedMatrix gradient, PaddedMatrix slope, PaddedMatrix m, PaddedMatrix f, RowBlock rows);
}

/// <inheritdoc/>
internal sealed unsafe class BatchKernels<T, TPhi>(Activation activation) : BatchKernels where T : unmanaged, IWide<T> where TPhi : struct, IElementwise
{
    private readonly float _lipschitz = (float)activation.Lipschitz();

    public override bool SlopeNeedsArgument => TPhi.SlopeNeedsArgument;

    public override BlockSolution SolveCell(BlockSolver solver, Panels w, PaddedMatrix injection, PaddedMatrix? mask, PaddedMatrix z, PaddedMatrix f, RowBlock rows, bool fromZero) => mask is null
        ? solver.Solve<T, CellTiles<T, TPhi>>(w, new CellTiles<T, TPhi>(injection.Row(rows.First), _lipschitz), z, f, rows, fromZero)
        : solver.Solve<T, MaskedCellTiles<T, TPhi>>(w, new MaskedCellTiles<T, TPhi>(injection.Row(rows.First), mask.Row(rows.First), _lipschitz), z, f, rows, fromZero);

    public override BlockSolution SolveAdjoint(BlockSolver solver, Panels w, PaddedMatrix gradient, PaddedMatrix slope, PaddedMatrix m, PaddedMatrix f, RowBlock rows) =>
        solver.Solve<T, AdjointTiles<T>>(w, new AdjointTiles<T>(gradient.Row(rows.First), slope.Row(rows.First)), m, f, rows, fromZero: true);

    public override void Affine(PaddedMatrix x, Panels weights, float* bias, PaddedMatrix y, RowBlock rows)
    {
        var tile = stackalloc float[Tile.Rows * Tile.Columns];
        var shift = stackalloc float[Tile.Columns];
        for (var panel = 0; panel < weights.Count; panel++)
        {
            var first = panel * Tile.Columns;
            if (bias is not null)
            {
                var width = Math.Min(Tile.Columns, weights.Columns - first);
                new ReadOnlySpan<float>(bias + first, width).CopyTo(new Span<float>(shift, width));
                new Span<float>(shift + width, Tile.Columns - width).Clear();
            }
            for (var row = rows.First; row < rows.First + rows.Padded; row += Tile.Rows)
            {
                T.MultiplyTile(x.Row(row), x.Stride, 1, weights[panel], Tile.Columns, weights.Depth, tile);
                for (var i = 0; i < Tile.Rows; i++)
                {
                    // Panels are zero beyond the last column, as the columns of y are there.
                    var from = tile + i * Tile.Columns;
                    var to = y.Row(row + i) + first;
                    for (var j = 0; j < Tile.Columns; j += T.Count)
                    {
                        T.Store(to + j, T.Load(from + j) + T.Load(shift + j));
                    }
                }
            }
        }
    }

    public override void Affine(PaddedMatrix x, PaddedMatrix weights, float* bias, PaddedMatrix y, RowBlock rows)
    {
        for (var row = rows.First; row < rows.First + rows.Padded; row++)
        {
            var from = x.Row(row);
            var to = y.Row(row);
            for (var output = 0; output < weights.Rows; output++)
            {
                var with = weights.Row(output);
                var (even, odd) = (T.Create(0), T.Create(0));
                for (var i = 0; i < x.Stride; i += 2 * T.Count)
                {
                    even = T.MultiplyAdd(T.Load(from + i), T.Load(with + i), even);
                    odd = T.MultiplyAdd(T.Load(from + i + T.Count), T.Load(with + i + T.Count), odd);
                }
                to[output] = T.Sum(even + odd) + (bias is null ? 0 : bias[output]);
            }
        }
    }

    public override void Combine(PaddedMatrix x, PaddedMatrix weights, PaddedMatrix y, RowBlock rows)
    {
        for (var row = rows.First; row < rows.First + rows.Padded; row++)
        {
            var from = x.Row(row);
            var to = y.Row(row);
            for (var i = 0; i < y.Stride; i += T.Count)
            {
                var sum = T.Create(0);
                for (var term = 0; term < weights.Rows; term++)
                {
                    sum = T.MultiplyAdd(T.Create(from[term]), T.Load(weights.Row(term) + i), sum);
                }
                T.Store(to + i, sum);
            }
        }
    }

    public override void Activate(PaddedMatrix a, PaddedMatrix y, RowBlock rows)
    {
        float* from = a.Row(rows.First), to = y.Row(rows.First);
        for (var i = 0; i < rows.Padded * a.Stride; i += T.Count)
        {
            T.Store(to + i, TPhi.Apply(T.Load(from + i)));
        }
    }

    public override void Slope(PaddedMatrix value, PaddedMatrix argument, PaddedMatrix slope, RowBlock rows)
    {
        float* values = value.Row(rows.First), arguments = argument.Row(rows.First), to = slope.Row(rows.First);
        for (var i = 0; i < rows.Padded * value.Stride; i += T.Count)
        {
            T.Store(to + i, TPhi.Slope(T.Load(values + i), T.Load(arguments + i)));
        }
    }
}

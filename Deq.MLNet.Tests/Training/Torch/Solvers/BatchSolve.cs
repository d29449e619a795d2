using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>A batch of rows over one W, solved by the library's tensors on the CPU; every array in float64.</summary>
/// <param name="W">W, d x d.</param>
/// <param name="Injections">u of every row.</param>
/// <param name="Activation">phi.</param>
internal sealed record BatchSolve(double[] W, double[][] Injections, Activation Activation)
{
    /// <summary>Slopes of every row, for the adjoint; null for the cell.</summary>
    public double[][]? Slopes { get; init; }

    public Tolerance Tolerance { get; init; } = new(1e-5);

    public int MaxIterations { get; init; } = 5_000;

    public ScalarType Type { get; init; } = ScalarType.Float64;

    public double[][]? Start { get; init; }

    /// <summary>Whether rows are judged by operations of the device.</summary>
    public bool JudgesRows { get; init; }

    public TensorPlace Place => new(CPU, Type) { JudgesRows = JudgesRows };

    public sealed record Result(BatchSolution Solution, IReadOnlyList<RowSolution> Rows, double[][] Z, double[][] F);

    public Result By(FixedPointSolver options)
    {
        TorchBackend.EnsureAvailable();
        using var solver = TensorSolver.Create(options, Place);
        return By(solver);
    }

    public Result By(TensorSolver solver, bool tellsRows = true)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var threads = new TorchThreads(1);
        var size = Injections[0].Length;
        // Copied: a product's last bits may depend on where an array starts in memory.
        Tensor Of(double[] values, params long[] sizes) => tensor(values, sizes).to(Type).clone();
        Tensor Rows(double[][] rows) => Of([.. rows.SelectMany(v => v)], rows.Length, size);
        double[][] Values(Tensor rows) => [.. rows.to(ScalarType.Float64).data<double>().ToArray().Chunk(size)];
        var (w, u) = (Of(W, size, size), Rows(Injections));
        TensorMap map = Slopes is null ? new CellMap(w, u, Activation, null) : new AdjointMap(w, u, Rows(Slopes));
        var z = Start is null ? zeros_like(u) : Rows(Start);
        var f = full_like(z, double.NaN);
        solver.TellsRows = tellsRows;
        var solution = solver.Solve(map, z, f, Tolerance, MaxIterations);
        return new Result(solution, solver.Rows, Values(z), Values(f));
    }

    /// <summary>The map of one row's state in float64, by the references.</summary>
    public double[] Map(int row, double[] z)
    {
        var size = z.Length;
        if (Slopes is null)
        {
            return FixedPoint.Cell(W, Injections[row], z, Activation);
        }
        var transposed = W.Select((_, i) => W[i % size * size + i / size]).ToArray();
        return [.. Linear.Affine(transposed, z, Injections[row]).Zip(Slopes[row], (a, s) => a * s)];
    }

    /// <summary>The residual as it is reported, in float64.</summary>
    public double Residual(int row, double[] z) => Map(row, z) is var f ? Linear.Distance(f, z) / (Linear.Norm(f) + Tolerance.Absolute / Tolerance.Relative) : double.NaN;

    /// <summary>The solution of a row of the adjoint by LU: m = s (W' m + g).</summary>
    public double[] Adjoint(int row)
    {
        var size = Injections[row].Length;
        var system = Enumerable.Range(0, size * size).Select(i => (i % (size + 1) == 0 ? 1 : 0) - Slopes![row][i / size] * W[i % size * size + i / size]).ToArray();
        return Linear.Solve(system, [.. Injections[row].Zip(Slopes![row], (g, s) => g * s)]);
    }
}

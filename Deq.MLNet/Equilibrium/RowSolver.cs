using System.Numerics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>A method: from the iterates so far to the next one.</summary>
internal interface IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Overwrites z with the next iterate, given f(z).</summary>
    void Advance(Span<T> z, ReadOnlySpan<T> f);
}

/// <summary>
/// Finds the fixed points of one cell, row by row; it may be used by many threads at once. The loop, the stopping test, the cap, the best iterate and the status
/// exist here once; a method is only a step. A row's result depends on that row alone.
/// </summary>
internal sealed class RowSolver<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Iterations without a smaller residual after which the search may be at the rounding error; after m times as many, at m times that error:
    /// a map that contracts by rho comes to rest, or cycles, within the error of one evaluation over 1 - rho.
    /// </summary>
    private const int Patience = 8;

    private readonly FixedPointSolver _solver;
    private readonly Tolerance _tolerance;
    private readonly int _maxIterations;
    private readonly CellWeights<T> _weights;

    /// <summary>Prepares what all rows share.</summary>
    public RowSolver(FixedPointSolver solver, Tolerance tolerance, int maxIterations, CellWeights<T> weights)
    {
        (_solver, _tolerance, _maxIterations, _weights) = (solver, tolerance, maxIterations, weights);
        ScratchSize = checked(2 * weights.Size + solver switch
        {
            Picard => 0,
            Anderson anderson => AndersonStep<T>.ScratchSize(anderson, weights.Size),
            _ => throw new NotSupportedException($"{solver} has no managed form."),
        });
    }

    /// <summary>The scratch that a solve needs, in values.</summary>
    public int ScratchSize { get; }

    /// <summary>Solves from the z given and leaves the best iterate in it.</summary>
    /// <param name="injection">u, d values.</param>
    /// <param name="z">The start, d values; overwritten.</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> values, whatever they are.</param>
    /// <param name="trace">Receives the residual after every evaluation of f; null for no trace.</param>
    public RowSolution Solve(ReadOnlySpan<T> injection, Span<T> z, Span<T> scratch, ICollection<double>? trace = null)
    {
        var cell = new Cell<T>(_weights, injection);
        var f = scratch[..z.Length];
        var best = scratch.Slice(z.Length, z.Length);
        var rest = scratch[(2 * z.Length)..];
        return _solver switch
        {
            Picard picard => Run(cell, new PicardStep<T>(picard), z, f, best, trace),
            Anderson anderson => Run(cell, new AndersonStep<T>(anderson, z.Length, rest), z, f, best, trace),
            _ => throw new NotSupportedException($"{_solver} has no managed form."),
        };
    }

    private RowSolution Run<TStep>(Cell<T> cell, TStep step, Span<T> z, Span<T> f, Span<T> best, ICollection<double>? trace)
        where TStep : IRowStep<T>, allows ref struct
    {
        var least = double.PositiveInfinity;
        var sinceLeast = 0;
        var status = SolveStatus.IterationLimit;
        var iterations = 0;
        while (iterations < _maxIterations)
        {
            cell.Apply(z, f);
            iterations++;
            var norm = Kernels.Norm<T>(f);
            var distance = Kernels.Distance<T>(f, z);
            var residual = _tolerance.Scaled(distance, norm);
            trace?.Add(residual);
            if (!double.IsFinite(residual))
            {
                status = SolveStatus.Diverged;
                break;
            }
            if (residual < least)
            {
                least = residual;
                sinceLeast = 0;
                z.CopyTo(best);
            }
            else
            {
                sinceLeast++;
            }
            if (residual <= _tolerance.Relative)
            {
                status = SolveStatus.Converged;
                break;
            }
            if (sinceLeast >= Patience && least <= _tolerance.Scaled(cell.RoundingError(z, norm) * (sinceLeast / Patience), norm))
            {
                status = SolveStatus.AtPrecisionLimit;
                break;
            }
            step.Advance(z, f);
        }
        if (double.IsFinite(least))
        {
            best.CopyTo(z);
        }
        return new RowSolution(status, iterations, least);
    }
}

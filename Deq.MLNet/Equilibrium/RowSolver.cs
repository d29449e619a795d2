using System.Numerics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>f of one row: the cell with the row's injection in place.</summary>
internal interface IFixedPointMap<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Writes f(z) to f; both have d values and do not overlap.</summary>
    void Apply(ReadOnlySpan<T> z, Span<T> f);

    /// <summary>The norm of the error that rounding alone makes in f(z): no residual can be asked to be smaller.</summary>
    double RoundingError(double normOfState);
}

/// <summary>A method: from the iterates so far to the next one.</summary>
internal interface IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Overwrites z with the next iterate, given f(z).</summary>
    void Advance(Span<T> z, ReadOnlySpan<T> f);
}

/// <summary>
/// Finds the fixed point of one row. The loop, the stopping test, the cap, the best iterate and the status exist here once; a method is only a step.
/// A row's result depends on that row alone.
/// </summary>
internal static class RowSolver
{
    /// <summary>
    /// Iterations without a smaller residual after which the search may be at the rounding error; after m times as many, at m times that error:
    /// a map that contracts by rho comes to rest, or cycles, within the error of one evaluation over 1 - rho.
    /// </summary>
    private const int Patience = 8;

    /// <summary>The scratch that a solve of d states needs, in values.</summary>
    public static int ScratchSize(FixedPointSolver solver, int size) => 2 * size + solver switch
    {
        Anderson anderson => AndersonStep<float>.ScratchSize(anderson, size),
        _ => 0,
    };

    /// <summary>Solves from the z given and leaves the best iterate in it.</summary>
    public static RowSolution Solve<T, TMap>(EquilibriumSettings settings, TMap map, Span<T> z, Span<T> scratch)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TMap : IFixedPointMap<T>, allows ref struct
    {
        var f = scratch[..z.Length];
        var best = scratch.Slice(z.Length, z.Length);
        var rest = scratch[(2 * z.Length)..];
        return settings.Solver switch
        {
            Picard picard => Run(settings, map, new PicardStep<T>(picard), z, f, best),
            Anderson anderson => Run(settings, map, new AndersonStep<T>(anderson, z.Length, rest), z, f, best),
            _ => throw new NotSupportedException($"{settings.Solver} has no managed form."),
        };
    }

    private static RowSolution Run<T, TMap, TStep>(EquilibriumSettings settings, TMap map, TStep step, Span<T> z, Span<T> f, Span<T> best)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TMap : IFixedPointMap<T>, allows ref struct
        where TStep : IRowStep<T>, allows ref struct
    {
        var tolerance = settings.Tolerance;
        var least = double.PositiveInfinity;
        var sinceLeast = 0;
        var status = SolveStatus.IterationLimit;
        var iterations = 0;
        while (iterations < settings.MaxIterations)
        {
            map.Apply(z, f);
            iterations++;
            var norm = Kernels.Norm<T>(f);
            var distance = Kernels.Distance<T>(f, z);
            var residual = tolerance.Scaled(distance, norm);
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
            if (residual <= tolerance.Relative)
            {
                status = SolveStatus.Converged;
                break;
            }
            if (sinceLeast >= Patience && least <= tolerance.Scaled(map.RoundingError(norm) * (sinceLeast / Patience), norm))
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

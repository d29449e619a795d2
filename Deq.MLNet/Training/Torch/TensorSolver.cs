using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>How a batch's fixed points were found.</summary>
/// <param name="Iterations">Evaluations of the map, the same for all rows of the batch.</param>
/// <param name="WorstResidual">The largest residual of a row, scaled as <see cref="RowSolution.Residual"/>.</param>
/// <param name="Unsolved">Rows that do not meet the tolerance.</param>
internal readonly record struct TensorSolution(int Iterations, double WorstResidual, int Unsolved);

/// <summary>
/// Finds the fixed points of a batch (B x d), in place, on any device. The loop, the stopping test and the cap exist here once; a method is only a step.
/// Every row is tested by itself; the batch goes on until all meet the tolerance.
/// </summary>
internal abstract class TensorSolver : IDisposable
{
    /// <summary>Iterations between two tests: a test waits for the device.</summary>
    public const int TestEvery = 3;

    public static TensorSolver Create(FixedPointSolver options) => options switch
    {
        Picard picard => new PicardSolver(picard),
        Anderson anderson => new AndersonSolver(anderson),
        _ => throw new NotSupportedException($"{options} has no tensor form."),
    };

    /// <summary>Solves z = map(z).</summary>
    /// <param name="map">The map.</param>
    /// <param name="z">The start, overwritten by an iterate whose residual was tested. May be exchanged with <paramref name="f"/>.</param>
    /// <param name="f">Overwritten by map(z).</param>
    /// <param name="tolerance">The stopping test.</param>
    /// <param name="maxIterations">Evaluations of the map at the most.</param>
    /// <param name="observe">Told every iterate of the whole batch and the map of it, which it may copy; null for nobody.</param>
    public TensorSolution Solve(TensorMap map, ref Tensor z, ref Tensor f, Tolerance tolerance, int maxIterations, Action<Tensor, Tensor>? observe = null)
    {
        Start(z);
        var iteration = 0;
        while (true)
        {
            map.Apply(z, f);
            observe?.Invoke(z, f);
            iteration++;
            var last = iteration == maxIterations;
            if (last || iteration % TestEvery == 0)
            {
                var (residual, unsolved) = Test(z, f, tolerance);
                if (last || unsolved == 0 || !double.IsFinite(residual))
                {
                    return new TensorSolution(iteration, residual, unsolved);
                }
            }
            Advance(ref z, ref f);
        }
    }

    /// <summary>Forgets earlier iterates.</summary>
    protected virtual void Start(Tensor z) { }

    /// <summary>Makes z the next iterate, given f = map(z); the two may be exchanged.</summary>
    protected abstract void Advance(ref Tensor z, ref Tensor f);

    public virtual void Dispose() { }

    /// <summary>The largest residual of a row, and how many rows do not meet the tolerance; waits for the device.</summary>
    public static (double WorstResidual, int Unsolved) Test(Tensor z, Tensor f, Tolerance tolerance)
    {
        using var scope = NewDisposeScope();
        var distance = (f - z).norm(1);
        var norm = f.norm(1).AddInPlace(tolerance.Absolute / tolerance.Relative);
        var residuals = distance.div_(norm).to(ScalarType.Float64);
        var solved = residuals.IsAtMost(tolerance.Relative).sum(ScalarType.Float64);
        var both = stack([residuals.max(), solved]).cpu().data<double>().ToArray();
        return (both[0], (int)(z.shape[0] - (long)both[1]));
    }
}

/// <summary>Plain iteration with damping; undamped it exchanges two buffers and copies nothing.</summary>
internal sealed class PicardSolver(Picard options) : TensorSolver
{
    protected override void Advance(ref Tensor z, ref Tensor f)
    {
        if (options.Damping == 1)
        {
            (z, f) = (f, z);
        }
        else
        {
            z.lerp_(f, options.Damping);
        }
    }
}

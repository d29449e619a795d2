using System.Numerics.Tensors;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Direct.Cells;

/// <summary>
/// Any W, row by row: Newton's method, z + (I - D W)^-1 (f(z) - z) with D the slopes of phi at W z + u. With a phi of straight lines a step is the equilibrium of a piece (Qi and Sun 1993), and the
/// right one where the slopes stay. A row at which it does not arrive is left to the guarded method of scoring.
/// </summary>
internal sealed class NewtonCell(WeightArray w, Activation activation, int z, int m, DirectLayer readout) : DirectCell(w, activation, z, m, readout)
{
    private const int MostSteps = 30;

    /// <summary>Evaluations of the guarded method at the most, and its tolerance.</summary>
    private const int MostGuardedSteps = 1_000;
    private static readonly Tolerance GuardedTolerance = new(1e-13, 1e-300);

    /// <summary>What is rounding in f(z), in units of the largest term times the number of terms.</summary>
    private const double Rounding = 1.0 / (1L << 51);

    public override BatchSolution Solve(double[] weights, Signals signals, Block block)
    {
        var room = block.Room ??= new NewtonRoom(W.Rows, Activation.IsPiecewiseLinear(), signals.Blocks.Count);
        room.Clear();
        var values = W.Of(weights);
        var norm = AbsoluteMatrix.LargestRowSum<double>(values, W.Rows);
        RowSolver<double>? guarded = null;
        Span<RowSolution> solutions = stackalloc RowSolution[block.Count];
        for (var r = 0; r < block.Count; r++)
        {
            var row = block.First + r;
            signals.ReadRow(Z, row, room.U);
            solutions[r] = Newton(values, norm, room);
            if (!solutions[r].Status.IsSolved())
            {
                guarded ??= Guarded(values);
                room.Z.AsSpan().Clear();
                solutions[r] = guarded.Solve(room.U, room.Z, new double[guarded.ScratchSize]);
                Slopes(values, room);
            }
            signals.WriteRow(Z, row, room.Z);
            signals.WriteRow(M, row, room.Slopes);
        }
        return BatchSolution.Of(solutions);
    }

    public override BatchSolution Adjoint(double[] weights, Signals signals, Block block)
    {
        var (room, unsolved) = (block.Room!, 0);
        var values = W.Of(weights);
        Span<double> readout = stackalloc double[Readout.A.Rows];
        for (var row = block.First; row < block.First + block.Count; row++)
        {
            signals.ReadRow(M, row, room.Slopes);
            signals.ReadRow(Readout.G, row, readout);
            var mu = room.Step.AsSpan();
            mu.Clear();
            for (var k = 0; k < readout.Length; k++)
            {
                TensorPrimitives.MultiplyAdd(Readout.A.Row(weights, k), readout[k], mu, mu);
            }
            if (room.FactorsOf(values) is { } factors)
            {
                factors.SolveTransposed(mu);
            }
            else
            {
                // No gradient is better than one of any size.
                mu.Clear();
                unsolved++;
            }
            TensorPrimitives.Multiply(mu, room.Slopes, mu);
            signals.WriteRow(M, row, mu);
        }
        return new BatchSolution(1, unsolved > 0 ? double.PositiveInfinity : 0, 1, unsolved);
    }

    /// <summary>From phi(u) on, as many steps as bring the residual down to rounding; the slopes are those at the end.</summary>
    private RowSolution Newton(ReadOnlySpan<double> w, double norm, NewtonRoom room)
    {
        var z = room.Z.AsSpan();
        var step = room.Step.AsSpan();
        room.U.CopyTo(z);
        Activation.Apply(z);
        var injection = Math.Abs(TensorPrimitives.MaxMagnitude<double>(room.U));
        var status = SolveStatus.IterationLimit;
        var residual = 0.0;
        var steps = 0;
        for (; steps <= MostSteps; steps++)
        {
            Slopes(w, room);
            // The sums are phi of them by now.
            TensorPrimitives.Subtract(room.Sums, z, step);
            residual = Math.Abs(TensorPrimitives.MaxMagnitude<double>(step));
            var largest = norm * Math.Abs(TensorPrimitives.MaxMagnitude<double>(z)) + injection;
            if (residual <= Rounding * (z.Length + 1) * largest)
            {
                status = SolveStatus.Converged;
                break;
            }
            if (!double.IsFinite(residual) || steps == MostSteps || room.FactorsOf(w) is not { } factors)
            {
                break;
            }
            factors.Solve(step);
            TensorPrimitives.Add(z, step, z);
        }
        return new RowSolution(status, steps, residual);
    }

    /// <summary>Writes phi(W z + u) and the slopes there.</summary>
    private void Slopes(ReadOnlySpan<double> w, NewtonRoom room)
    {
        Kernels.Affine<double>(w, room.Z, room.U, room.Sums);
        DirectLayer.Activate(Activation, room.Sums, room.Slopes);
    }

    private RowSolver<double> Guarded(ReadOnlySpan<double> w)
    {
        FixedPointSolver method = Activation.IsPiecewiseLinear() ? new Newton() : new Anderson();
        return new RowSolver<double>(method, GuardedTolerance, MostGuardedSteps, new CellWeights<double>(w.ToArray(), Activation));
    }
}

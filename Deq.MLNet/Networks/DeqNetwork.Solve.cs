using Deq.MLNet.Equilibrium;
using Deq.MLNet.Errors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

// From a row to its equilibrium and its outputs.
public sealed partial class DeqNetwork
{
    /// <summary>Rows whose contraction a report estimates, at the most.</summary>
    private const int RowsOfContraction = 64;

    /// <summary>Finds the equilibrium of one row.</summary>
    /// <param name="x">n features.</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> values. Not to be shared between threads.</param>
    /// <param name="z">Receives the d states; NaN where a feature is not finite or the iterates left the finite numbers. What a row gets that is not solved, <see cref="Scoring"/> says.</param>
    /// <param name="trace">Receives the residual of every evaluation of f, exactly as many as there were; null for no trace.</param>
    /// <returns>How it was found.</returns>
    /// <exception cref="ArgumentException">A span has the wrong length.</exception>
    /// <exception cref="DivergenceException">The equilibrium was not found, and <see cref="EquilibriumSettings.OnNonConvergence"/> is Throw.</exception>
    public RowSolution Solve(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, ICollection<double>? trace = null) => Settle(Search(x, scratch, z, trace), z);

    /// <summary>Finds the equilibrium of every row, and tells how: the way to see which rows are hard. Rows are solved as in scoring, on all processors, but none throws.</summary>
    /// <param name="rows">Rows of n features.</param>
    /// <param name="trace">Whether the report holds the residuals of every row, evaluation by evaluation.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentException">A row has the wrong length.</exception>
    public SolveReport SolveRows(IReadOnlyList<ReadOnlyMemory<float>> rows, bool trace = false)
    {
        foreach (var row in Check.NotNull(rows))
        {
            Check.Length(row.Span, InputSize, "(n)", nameof(rows));
        }
        var solutions = new RowSolution[rows.Count];
        var traces = trace ? Array.ConvertAll(solutions, _ => new List<double>()) : null;
        ForEach(solutions.Length, (i, scratch, z) => solutions[i] = Search(rows[i].Span, scratch, z, traces?[i]));

        int[] solved = [.. Enumerable.Range(0, solutions.Length).Where(i => solutions[i].Status.IsSolved())];
        var contractions = new double[Math.Min(solved.Length, RowsOfContraction)];
        ForEach(contractions.Length, (i, scratch, z) =>
        {
            Search(rows[solved[(int)((long)i * solved.Length / contractions.Length)]].Span, scratch, z, null);
            // The injection of the row is what the search left first in its scratch.
            contractions[i] = ContractionEstimate.Of(new Cell<float>(Cell, AlignedArray.AtLine(scratch)[..StateSize]), z);
        });
        return SolveReport.From(solutions, contractions.Length == 0 ? double.NaN : contractions.Max()) with { Traces = traces };
    }

    /// <summary>Runs on all processors, each with a state and scratch of its own; the scratch does not move, so that what was left in it is found where it was.</summary>
    private void ForEach(int count, Action<int, float[], float[]> row) =>
        Parallel.For(0, count, () => (Scratch: GC.AllocateArray<float>(ScratchSize, pinned: true), Z: new float[StateSize]), (i, _, own) =>
        {
            row(i, own.Scratch, own.Z);
            return own;
        }, _ => { });

    /// <summary>Finds the equilibrium of one row and computes the outputs from it, before the link.</summary>
    /// <param name="x">n features.</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> values.</param>
    /// <param name="z">Receives the d states, as in <see cref="Solve"/>.</param>
    /// <param name="y">Receives K outputs, NaN where z is.</param>
    internal RowSolution EvaluateAffine(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, Span<float> y)
    {
        var solution = Solve(x, scratch, z);
        Check.Length((ReadOnlySpan<float>)y, OutputSize, "(K)", nameof(y));
        Read(x, z, y);
        return solution;
    }

    /// <summary>Solves a row whatever its features, and leaves what was found in z, NaN where nothing was.</summary>
    private RowSolution Search(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, ICollection<double>? trace)
    {
        CheckRow(x, scratch);
        Check.Length((ReadOnlySpan<float>)z, StateSize, "(d)", nameof(z));
        if (Kernels.AllFinite(x))
        {
            return SearchFinite(x, AlignedArray.AtLine(scratch), z, trace);
        }
        z.Fill(float.NaN);
        return new RowSolution(SolveStatus.InvalidInput, 0, double.NaN);
    }

    /// <summary>Takes scratch at a line of the cache, one state less than <see cref="ScratchSize"/>: that one holds z in <see cref="EvaluateCore"/>. The first d values of it are u in the end.</summary>
    private RowSolution SearchFinite(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, ICollection<double>? trace = null)
    {
        var injection = scratch[..StateSize];
        Inject(x, scratch[StateSize..], injection);
        z.Clear();
        var solution = _solver.Solve(injection, z, scratch[StateSize..], trace);
        if (solution.Status == SolveStatus.Diverged)
        {
            z.Fill(float.NaN);
            return solution with { Residual = double.PositiveInfinity };
        }
        return solution;
    }

    /// <summary>Gives a row that is not solved what <see cref="EquilibriumSettings.OnNonConvergence"/> says.</summary>
    private RowSolution Settle(RowSolution solution, Span<float> z)
    {
        if (!solution.Status.IsSolved() && solution.Status != SolveStatus.InvalidInput)
        {
            switch (Scoring.OnNonConvergence)
            {
                case OnNonConvergence.NaN:
                    z.Fill(float.NaN);
                    break;
                case OnNonConvergence.Throw:
                    throw new DivergenceException(FormattableString.Invariant(
                        $"The equilibrium of a row was not found: {solution.Status} after {solution.Iterations} iterations, residual {solution.Residual:G3}. {solution.Status.Advice()} Or set OnNonConvergence to ReturnBest or NaN."));
            }
        }
        return solution;
    }

    private protected override void EvaluateCore(ReadOnlySpan<float> x, Span<float> scratch, Span<float> y)
    {
        scratch = AlignedArray.AtLine(scratch);
        var z = scratch[..StateSize];
        Settle(SearchFinite(x, scratch[StateSize..], z), z);
        Read(x, z, y);
    }

    private protected override double[] EvaluateAffineFloat64(ReadOnlySpan<float> x) => _reference.Value.EvaluateAffine(x);

    /// <summary>u = U e(x) + b, with at least <see cref="ScratchSize"/> - 2 d of scratch.</summary>
    internal void Inject(ReadOnlySpan<float> x, Span<float> scratch, Span<float> injection) => _arrays.Inject(x, scratch, injection);

    /// <summary>y = V z + S x + c.</summary>
    internal void Read(ReadOnlySpan<float> x, ReadOnlySpan<float> z, Span<float> y) => _arrays.Read(x, z, y);
}

using System.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>A method: from the iterates so far to the next one.</summary>
internal interface IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Whether the next iterate is f(z) itself; asked once after every evaluation, and if so, <see cref="Advance"/> is not.</summary>
    /// <param name="size">d.</param>
    /// <param name="residual">The residual of z, as tested and reported.</param>
    bool TakesValue(int size, double residual);

    /// <summary>Overwrites z with the next iterate.</summary>
    /// <param name="z">The iterate that was tested last.</param>
    /// <param name="f">f(z).</param>
    /// <param name="residual">Its residual, as tested and reported.</param>
    void Advance(Span<T> z, ReadOnlySpan<T> f, double residual);
}

/// <summary>
/// Finds the fixed points of one cell, row by row; it may be used by many threads at once. The loop, the stopping test, the cap, the best iterate and the status
/// exist here once; a method is only a step. A row's result depends on that row alone.
/// </summary>
internal sealed class RowSolver<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly FixedPointSolver _solver;
    private readonly Tolerance _tolerance;
    private readonly int _maxIterations;
    private readonly CellWeights<T> _weights;
    private readonly Lazy<double> _step;
    private readonly Lazy<T[]> _resolvent;

    /// <summary>Prepares what all rows share; what takes d^3 when the first row asks for it.</summary>
    /// <exception cref="ArgumentException">The method cannot find the equilibrium of such a cell.</exception>
    public RowSolver(FixedPointSolver solver, Tolerance tolerance, int maxIterations, CellWeights<T> weights)
    {
        _solver = solver is Auto && weights.SubstitutionIsExact ? new ForwardSubstitution() : solver.Scoring(weights.Activation);
        (_tolerance, _maxIterations, _weights) = (tolerance, maxIterations, weights);
        _step = new Lazy<double>(() => solver is ForwardBackward { Step: { } given } ? given : Splitting.ForwardBackwardStep(weights));
        _resolvent = new Lazy<T[]>(() => Splitting.Resolvent(weights, ((PeacemanRachford)solver).Step));
        var d = weights.Size;
        ScratchSize = checked((NeedsPreActivation ? 3 : 2) * d + _solver switch
        {
            Anderson anderson => AndersonStep<T>.ScratchSize(anderson, d),
            Auto => AutoStep<T>.ScratchSize(d),
            Newton => NewtonStep<T>.ScratchSize(d),
            PeacemanRachford => PeacemanRachfordStep<T>.ScratchSize(d),
            _ => 0,
        });
    }

    /// <summary>The scratch that a solve needs, in values.</summary>
    public int ScratchSize { get; }

    private bool NeedsPreActivation => _solver is Newton or ForwardBackward or PeacemanRachford;

    /// <summary>Solves from the z given and leaves the best iterate in it.</summary>
    /// <param name="injection">u, d values.</param>
    /// <param name="z">The start, d values; overwritten.</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> values, whatever they are.</param>
    /// <param name="trace">Receives the residual after every evaluation of f; null for no trace.</param>
    public RowSolution Solve(ReadOnlySpan<T> injection, Span<T> z, Span<T> scratch, ICollection<double>? trace = null)
    {
        var d = z.Length;
        var search = new Search(new Cell<T>(_weights, injection), z, scratch[..d], scratch.Slice(d, d), NeedsPreActivation ? scratch.Slice(2 * d, d) : default, trace);
        var rest = scratch[((NeedsPreActivation ? 3 : 2) * d)..];
        return _solver switch
        {
            Picard picard => Run(search, new PicardStep<T>(picard)),
            Anderson anderson => Run(search, new AndersonStep<T>(anderson, d, rest)),
            Auto => Run(search, new AutoStep<T>(_tolerance.Relative, _maxIterations, d, rest)),
            Newton => Run(search, new NewtonStep<T>(search.Cell, search.PreActivation, rest)),
            ForwardSubstitution => Run(search, new ForwardSubstitutionStep<T>(search.Cell)),
            ForwardBackward => Run(search, new ForwardBackwardStep<T>(_step.Value, _weights.Activation, search.PreActivation)),
            PeacemanRachford splitting => Run(search, new PeacemanRachfordStep<T>(splitting.Step, _resolvent.Value, _weights.Activation, search.PreActivation, rest)),
            _ => throw new NotSupportedException($"{_solver} has no managed form."),
        };
    }

    /// <summary>One row's cell, and where its iterates are kept; no W z + u where no step asks for it.</summary>
    private readonly ref struct Search(Cell<T> cell, Span<T> z, Span<T> f, Span<T> best, Span<T> preActivation, ICollection<double>? trace)
    {
        public Cell<T> Cell { get; } = cell;

        public Span<T> Z { get; } = z;

        public Span<T> F { get; } = f;

        public Span<T> Best { get; } = best;

        public Span<T> PreActivation { get; } = preActivation;

        public ICollection<double>? Trace { get; } = trace;
    }

    private RowSolution Run<TStep>(Search search, TStep step) where TStep : IRowStep<T>, allows ref struct
    {
        var cell = search.Cell;
        var z = search.Z;
        var f = search.F;
        var best = search.Best;
        var rule = new StoppingRule(_tolerance);
        while (rule.Iterations < _maxIterations)
        {
            var (distance, norm) = cell.Step(z, f, search.PreActivation);
            var status = rule.Test(rule.Iterations + 1, distance, norm);
            search.Trace?.Add(rule.Residual);
            if (status is null && rule.IsOutOfPatience && rule.IsAtPrecisionLimit(cell.RoundingError(best)))
            {
                status = SolveStatus.AtPrecisionLimit;
            }
            if (status is null && step.TakesValue(z.Length, rule.Residual))
            {
                // Buffers change places instead of being copied.
                if (rule.IsBest)
                {
                    Swap(ref best, ref z);
                }
                Swap(ref z, ref f);
                continue;
            }
            if (rule.IsBest)
            {
                z.CopyTo(best);
            }
            if (status is { } ended)
            {
                return End(search, best, rule, ended);
            }
            step.Advance(z, f, rule.Residual);
        }
        return End(search, best, rule, SolveStatus.IterationLimit);
    }

    private static RowSolution End(Search search, ReadOnlySpan<T> best, in StoppingRule rule, SolveStatus status)
    {
        if (double.IsFinite(rule.Least))
        {
            best.CopyTo(search.Z);
        }
        return new RowSolution(status, rule.Iterations, rule.Least);
    }

    private static void Swap(ref Span<T> a, ref Span<T> b)
    {
        var c = a;
        a = b;
        b = c;
    }
}

using Deq.MLNet.Equilibrium;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// Finds the fixed points of a batch (B x d) on any device. The loop and the cap exist here once; a method is only a <see cref="TensorStep"/>, the judgement of rows, the freezing of those
/// that are done and the best iterate of those that are not are <see cref="RowProgress"/>.
/// </summary>
internal sealed class TensorSolver : IDisposable
{
    private readonly TensorPlace _place;
    private readonly Func<TensorMap, Tensor, TensorStep> _start;
    private readonly CoarseStart? _coarse;
    private readonly TestTimes _times = new();

    /// <summary>B x d each, made when they are first needed: the present iterate and its value, one to step into, and those that the progress keeps. Kept from solve to solve.</summary>
    private readonly Tensor?[] _buffers = new Tensor?[5];
    private StoppingRule[] _rules = [];

    private TensorSolver(TensorPlace place, CoarseStart? coarse, Func<TensorMap, Tensor, TensorStep> start) => (_place, _coarse, _start) = (place, coarse, start);

    /// <summary>Whether <see cref="Rows"/> tells, which costs a device one more read.</summary>
    public bool TellsRows { get; set; }

    /// <summary>How every row of the last batch was solved; nothing unless <see cref="TellsRows"/>.</summary>
    public IReadOnlyList<RowSolution> Rows { get; private set; } = [];

    /// <summary>Makes a solver.</summary>
    /// <param name="options">The method.</param>
    /// <param name="place">Where the tensors stand.</param>
    /// <param name="precision">With <see cref="MatmulPrecision.BFloat16"/> solves by methods for contractions have a <see cref="CoarseStart"/>.</param>
    /// <param name="hasDiagonal">Whether W may have an entry other than 0 on its diagonal; <see cref="ForwardSubstitution"/> is quicker where not.</param>
    public static TensorSolver Create(FixedPointSolver options, TensorPlace place, MatmulPrecision precision = MatmulPrecision.Float32, bool hasDiagonal = true)
    {
        var coarse = precision == MatmulPrecision.BFloat16 && options is Picard or Anderson or Auto ? new CoarseStart(place) : null;
        return new(place, coarse, options switch
        {
            Picard picard => (_, _) => new PicardStep(picard),
            Anderson anderson => (_, z) => new AndersonStep(anderson, z),
            Broyden broyden => (_, z) => new BroydenStep(broyden, z),
            Newton => (map, z) => new NewtonStep(map, z),
            ForwardSubstitution => (map, _) => new SubstitutionStep(map, hasDiagonal),
            ForwardBackward splitting => (map, _) => new ForwardBackwardStep(splitting, map),
            PeacemanRachford splitting => (map, z) => new PeacemanRachfordStep(splitting, map, z),
            Auto => (_, z) => new AutoStep(z),
            _ => throw new NotSupportedException($"{options} has no tensor form."),
        });
    }

    /// <summary>Forgets how the batches before were solved, so that a training that resumes does the same.</summary>
    public void BeginEpoch()
    {
        _times.Forget();
        _coarse?.BeginEpoch();
    }

    /// <summary>Solves z = map(z). Where rows are judged each by itself, one that is done keeps its z and f bit for bit, whatever the others do.</summary>
    /// <param name="map">The map.</param>
    /// <param name="z">The start, B x d, overwritten: by the state that met the test, or by the best one that was tested.</param>
    /// <param name="f">Overwritten by map(z).</param>
    /// <param name="tolerance">The stopping test.</param>
    /// <param name="maxIterations">Steps at the most.</param>
    /// <param name="observe">Told every iterate of the whole batch and the map of it, which it may copy; null for nobody.</param>
    public BatchSolution Solve(TensorMap map, Tensor z, Tensor f, Tolerance tolerance, int maxIterations, Action<Tensor, Tensor>? observe = null)
    {
        using var scope = NewDisposeScope();
        Prepare(z);
        var coarse = observe is null && _coarse is not null ? _coarse.Improve(map, z, tolerance, maxIterations) : 0;
        var present = Free();
        present.copy_(z);
        var step = _start(map, present);
        var rows = Progress(map, z, f, tolerance, maxIterations - coarse, step);
        Iterate(map, step, rows, present, observe);
        Rows = TellsRows ? rows.ReadRows() : [];
        var solution = rows.Solution;
        return solution with { Iterations = solution.Iterations + coarse, MeanIterations = solution.MeanIterations + coarse };
    }

    public void Dispose()
    {
        foreach (ref var buffer in _buffers.AsSpan())
        {
            buffer?.Dispose();
            buffer = null;
        }
    }

    private RowProgress Progress(TensorMap map, Tensor z, Tensor f, Tolerance tolerance, int maxIterations, TensorStep step) => _place.JudgesRows
        ? new DeviceProgress(map, z, f, tolerance, maxIterations, together: step.TestEvery > 1)
        : new HostProgress(_rules, z, f, tolerance, maxIterations, () => DeviceReads.Doubles(map.RoundingErrors(z)));

    /// <summary>Steps until the progress says that all rows are done.</summary>
    private void Iterate(TensorMap map, TensorStep step, RowProgress rows, Tensor present, Action<Tensor, Tensor>? observe)
    {
        var every = step.TestEvery > 1 ? _place.TestEvery ?? step.TestEvery : 1;
        var next = _times.First(rows.Tolerance, every);
        var value = Free(present);
        for (var iteration = 1; ; iteration++)
        {
            var last = iteration == rows.MaxIterations;
            var test = last || iteration == next;
            if (test || step.ReadsValue || observe is not null)
            {
                map.Apply(present, value);
                observe?.Invoke(present, value);
            }
            if (test)
            {
                if (rows.Test(iteration, present, value, last))
                {
                    break;
                }
                next = _times.Next(iteration, rows.WorstActive);
                step.Tested(iteration, rows);
            }
            present = step.Advance(present, value, step.WritesNext ? Free(rows.Kept?.Z, rows.Kept?.F, present, value) : value);
            value = Free(rows.Kept?.Z, rows.Kept?.F, present);
        }
        Remember(step, rows);
    }

    private void Remember(TensorStep step, RowProgress rows)
    {
        // Rows that ended otherwise want tests on the way, for their best state to be kept; and Auto, to choose.
        if (rows.MetTogether && !step.WentByTests)
        {
            _times.Ended(rows.Tolerance, rows.Solution.Iterations, rows.Solution.WorstResidual);
        }
        else
        {
            _times.Forget();
        }
    }

    private void Prepare(Tensor like)
    {
        if (_buffers[0] is not { } buffer || !buffer.shape.SequenceEqual(like.shape))
        {
            Dispose();
            _buffers[0] = empty_like(like).DetachFromDisposeScope();
            _rules = _place.JudgesRows ? [] : new StoppingRule[like.shape[0]];
        }
    }

    /// <summary>A buffer that is none of those in use.</summary>
    private Tensor Free(params ReadOnlySpan<Tensor?> used)
    {
        foreach (ref var buffer in _buffers.AsSpan())
        {
            buffer ??= empty_like(_buffers[0]!).DetachFromDisposeScope();
            if (!Holds(used, buffer))
            {
                return buffer;
            }
        }
        throw new InvalidOperationException("Every buffer is in use.");
    }

    private static bool Holds(ReadOnlySpan<Tensor?> tensors, Tensor tensor)
    {
        foreach (var other in tensors)
        {
            if (ReferenceEquals(other, tensor))
            {
                return true;
            }
        }
        return false;
    }
}

using Deq.MLNet.Equilibrium;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// Finds the fixed points of a batch (B x d) on any device. The loop, the cap, the freezing of rows that are done and the best iterate of those that are not exist here once;
/// a method is only a <see cref="TensorStep"/>, the judgement of rows is <see cref="RowProgress"/>.
/// </summary>
internal sealed class TensorSolver : IDisposable
{
    private readonly TensorPlace _place;
    private readonly Func<TensorMap, Tensor, TensorStep> _start;

    /// <summary>The iterates of the last test and the present ones, B x d each: two, two, and one to step into. Kept from solve to solve.</summary>
    private readonly Tensor[] _buffers = new Tensor[5];
    private StoppingRule[] _rules = [];

    private TensorSolver(TensorPlace place, Func<TensorMap, Tensor, TensorStep> start) => (_place, _start) = (place, start);

    /// <summary>How every row of the last batch was solved.</summary>
    public IReadOnlyList<RowSolution> Rows { get; private set; } = [];

    public static TensorSolver Create(FixedPointSolver options, TensorPlace place) => new(place, options switch
    {
        Picard picard => (_, _) => new PicardStep(picard),
        Anderson anderson => (_, z) => new AndersonStep(anderson, z),
        Broyden broyden => (_, z) => new BroydenStep(broyden, z),
        Newton => (map, z) => new NewtonStep(map, z),
        ForwardSubstitution => (map, _) => new SubstitutionStep(map),
        ForwardBackward splitting => (map, _) => new ForwardBackwardStep(splitting, map),
        PeacemanRachford splitting => (map, z) => new PeacemanRachfordStep(splitting, map, z),
        Auto => (_, z) => new AutoStep(z),
        _ => throw new NotSupportedException($"{options} has no tensor form."),
    });

    /// <summary>Solves z = map(z). A row that is done keeps its z and f bit for bit, whatever the others do.</summary>
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
        var rows = new RowProgress(_rules, tolerance, () => map.RoundingErrors(z)) { MaxIterations = maxIterations };
        var present = Free();
        present.copy_(z);
        var value = Free(present);
        var (tested, testedValue) = (present, value);
        var step = _start(map, present);
        for (var iteration = 1; ; iteration++)
        {
            var last = iteration == maxIterations;
            var test = last || iteration % step.TestEvery == 0;
            if (test || step.ReadsValue || observe is not null)
            {
                map.Apply(present, value);
                observe?.Invoke(present, value);
            }
            if (test)
            {
                var (distance, norm) = TensorRows.Measure(present, value);
                rows.Test(iteration, distance, norm, last);
                Keep(rows.Passed, tested, testedValue, z, f);
                Keep(rows.Done, present, value, z, f);
                // The start may have been finite, the injection is not: the state shall tell.
                Keep(rows.Lost, value, value, z, f);
                if (rows.Active == 0)
                {
                    var solutions = rows.Solutions();
                    Rows = solutions;
                    return BatchSolution.Of(solutions);
                }
                (tested, testedValue) = (present, value);
                step.Tested(iteration, rows);
            }
            present = step.Advance(present, value, Free(tested, testedValue, present, value));
            value = Free(tested, testedValue, present);
        }
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers)
        {
            buffer?.Dispose();
        }
    }

    /// <summary>Writes some rows of an iterate and its value to the result.</summary>
    private static void Keep(List<long> rows, Tensor from, Tensor valueFrom, Tensor z, Tensor f)
    {
        TensorRows.Copy(rows, from, z);
        TensorRows.Copy(rows, valueFrom, f);
    }

    private void Prepare(Tensor like)
    {
        if (_buffers[0] is null || !_buffers[0].shape.SequenceEqual(like.shape))
        {
            Dispose();
            for (var i = 0; i < _buffers.Length; i++)
            {
                _buffers[i] = empty_like(like).DetachFromDisposeScope();
            }
            _rules = new StoppingRule[like.shape[0]];
        }
    }

    /// <summary>A buffer that is none of those in use.</summary>
    private Tensor Free(params ReadOnlySpan<Tensor> used)
    {
        foreach (var buffer in _buffers)
        {
            if (!Holds(used, buffer))
            {
                return buffer;
            }
        }
        throw new InvalidOperationException("Every buffer is in use.");
    }

    private static bool Holds(ReadOnlySpan<Tensor> tensors, Tensor tensor)
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

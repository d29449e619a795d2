using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// Semismooth Newton (Qi and Sun 1993): with D the slopes at an iterate, the step p solves p (I - M D) = f - z, in float64. For the adjoint, whose slopes are fixed, one step is the solution.
/// Where the pieces of act have not settled after the first few steps, as where they cycle, a step that makes the residual no smaller is halved; after a few halvings a damped plain step
/// is taken, which a contraction always gains by.
/// </summary>
internal sealed class NewtonStep(TensorMap map, Tensor start) : TensorStep
{
    /// <summary>Entries of the linear systems that stand in memory at once, at the most.</summary>
    private const long MostEntries = 1 << 24;

    /// <summary>Steps that are taken whatever they bring: on the way the residual may grow.</summary>
    private const int FreeSteps = 12;

    private const double LeastShare = 0.1, PlainShare = 0.5;

    private readonly int _rows = (int)start.shape[0];
    private readonly Tensor _base = start.clone(), _gap = zeros_like(start), _direction = zeros_like(start);
    private readonly double[] _distance = [.. Enumerable.Repeat(double.PositiveInfinity, (int)start.shape[0])];
    private readonly double[] _share = new double[start.shape[0]];
    private RowProgress _progress = null!;
    private int _count;

    /// <summary>Steps are few and dear.</summary>
    public override int TestEvery => 1;

    public override void Tested(int iteration, RowProgress rows) => _progress = rows;

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        var free = _count++ < FreeSteps;
        var distance = _progress.ReadDistances();
        var (accepted, plain) = (new List<long>(), new List<long>());
        for (var row = 0; row < _rows; row++)
        {
            if (double.IsNaN(distance[row]))
            {
                _share[row] = 0;
            }
            else if (free || distance[row] < _distance[row])
            {
                (_distance[row], _share[row]) = (distance[row], 1);
                accepted.Add(row);
            }
            else if ((_share[row] /= 2) < LeastShare)
            {
                // The next iterate is taken as it comes.
                (_distance[row], _share[row]) = (double.PositiveInfinity, PlainShare);
                plain.Add(row);
            }
        }
        if (plain.Count > 0)
        {
            var index = Index(plain);
            _direction.index_copy_(0, index, _gap.index_select(0, index));
        }
        var a = empty_like(z);
        map.Affine(z, a);
        var slope = map.Slope(a);
        foreach (var chunk in accepted.Chunk((int)Math.Max(1, MostEntries / (z.shape[1] * z.shape[1]))))
        {
            Aim(Index(chunk), z, f, slope);
        }
        var step = _direction.mul(tensor(_share).to(z.dtype).to(z.device).unsqueeze(1));
        next.copy_(_base).AddInPlace(step);
        return next;
    }

    /// <summary>Goes on from some rows of z: their step, or f - z where the system is singular.</summary>
    private void Aim(Tensor rows, Tensor z, Tensor f, Tensor slope)
    {
        using var scope = NewDisposeScope();
        var from = z.index_select(0, rows);
        var gap = f.index_select(0, rows).sub_(from);
        // (I - D M') p' = g' of every row.
        var system = slope.index_select(0, rows).to(ScalarType.Float64).neg_().unsqueeze(2).mul(map.Matrix.t().to(ScalarType.Float64));
        system.diagonal(0, 1, 2).AddInPlace(1);
        var step = Solve(system, gap.to(ScalarType.Float64).unsqueeze(2)).squeeze(2).to(z.dtype);
        _base.index_copy_(0, rows, from);
        _gap.index_copy_(0, rows, gap);
        _direction.index_copy_(0, rows, where(step.isfinite().all(1, keepdim: true), step, gap));
    }

    /// <summary>On one thread: with more, libtorch 2.10's batched systems of some 150 unknowns never end on the CPU, or end in wrong pivots.</summary>
    private static Tensor Solve(Tensor system, Tensor right)
    {
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            return linalg.solve_ex(system, right, check_errors: false).result;
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    private Tensor Index(IEnumerable<long> rows) => tensor(rows.ToArray()).to(_base.device);
}

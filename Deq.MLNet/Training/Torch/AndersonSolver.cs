using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Anderson type II with coefficients of every row by itself; the small systems are solved in float64 for the whole batch at once.</summary>
internal sealed class AndersonSolver(Anderson options) : TensorSolver
{
    private Tensor? _deltaF, _deltaG, _lastF, _lastG;
    private int _count;

    protected override void Start(Tensor z)
    {
        _count = 0;
        if (_lastF is null || !_lastF.shape.SequenceEqual(z.shape))
        {
            Release();
            long[] history = [z.shape[0], options.Memory, z.shape[1]];
            _deltaF = zeros(history, z.dtype, z.device).DetachFromDisposeScope();
            _deltaG = zeros_like(_deltaF).DetachFromDisposeScope();
            _lastF = zeros_like(z).DetachFromDisposeScope();
            _lastG = zeros_like(z).DetachFromDisposeScope();
        }
    }

    protected override void Advance(ref Tensor z, ref Tensor f)
    {
        using var scope = NewDisposeScope();
        var g = f - z;
        if (_count > 0)
        {
            var slot = (_count - 1) % options.Memory;
            _deltaF!.select(1, slot).copy_(f).sub_(_lastF!);
            _deltaG!.select(1, slot).copy_(g).sub_(_lastG!);
        }
        _lastF!.copy_(f);
        _lastG!.copy_(g);
        z.lerp_(f, options.Damping);
        var used = Math.Min(_count, options.Memory);
        if (used > 0)
        {
            var deltaG = _deltaG!.narrow(1, 0, used);
            var gamma = Fit(deltaG, g).to(z.dtype);
            z.sub_(gamma.matmul(_deltaF!.narrow(1, 0, used)).squeeze(1));
            if (options.Damping != 1)
            {
                z.AddInPlace(gamma.matmul(deltaG).squeeze(1), 1 - (double)options.Damping);
            }
        }
        _count++;
    }

    /// <summary>B x 1 x m weights that leave the least of g; zero for a row whose differences carry no information.</summary>
    private Tensor Fit(Tensor deltaG, Tensor g)
    {
        var differences = deltaG.to(ScalarType.Float64);
        var gram = differences.matmul(differences.transpose(1, 2));
        var right = differences.matmul(g.to(ScalarType.Float64).unsqueeze(2));
        var diagonal = gram.diagonal(0, 1, 2);
        var ridge = diagonal.sum(1, keepdim: true).MultiplyInPlace(options.Ridge).AddInPlace(double.Epsilon * 1e20);
        diagonal.AddInPlace(ridge);
        var (factor, failed) = linalg.cholesky_ex(gram, check_errors: false);
        var gamma = right.cholesky_solve(factor).transpose(1, 2);
        var usable = failed.logical_not().view(-1, 1, 1).logical_and(gamma.isfinite().all(2, keepdim: true));
        return where(usable, gamma, zeros_like(gamma));
    }

    public override void Dispose()
    {
        Release();
        base.Dispose();
    }

    private void Release()
    {
        _deltaF?.Dispose();
        _deltaG?.Dispose();
        _lastF?.Dispose();
        _lastG?.Dispose();
    }
}

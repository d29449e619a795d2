using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Anderson type II with coefficients of every row by itself (Walker and Ni 2011, eq. 2.2); the small systems are solved in float64 for the whole batch at once.</summary>
internal sealed class AndersonStep : TensorStep
{
    private readonly Anderson _options;
    private readonly Tensor _deltaF, _deltaG, _lastF, _lastG;
    private int _count;

    public AndersonStep(Anderson options, Tensor z)
    {
        _options = options;
        long[] history = [z.shape[0], options.Memory, z.shape[1]];
        (_deltaF, _deltaG) = (empty(history, z.dtype, z.device), empty(history, z.dtype, z.device));
        (_lastF, _lastG) = (empty_like(z), empty_like(z));
    }

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        var g = f - z;
        if (_count > 0)
        {
            var slot = (_count - 1) % _options.Memory;
            _deltaF.select(1, slot).copy_(f).sub_(_lastF);
            _deltaG.select(1, slot).copy_(g).sub_(_lastG);
        }
        _lastF.copy_(f);
        _lastG.copy_(g);
        next.copy_(f);
        if (_options.Damping != 1)
        {
            next.MultiplyInPlace(_options.Damping).AddInPlace(z, 1 - (double)_options.Damping);
        }
        var used = Math.Min(_count, _options.Memory);
        if (used > 0)
        {
            var deltaG = _deltaG.narrow(1, 0, used);
            var gamma = Fit(deltaG, g).to(z.dtype);
            next.sub_(gamma.bmm(_deltaF.narrow(1, 0, used)).squeeze(1));
            if (_options.Damping != 1)
            {
                next.AddInPlace(gamma.bmm(deltaG).squeeze(1), 1 - (double)_options.Damping);
            }
        }
        _count++;
        return next;
    }

    /// <summary>B x 1 x m weights that leave the least of g; zero for a row whose differences carry no information.</summary>
    private Tensor Fit(Tensor deltaG, Tensor g)
    {
        var differences = deltaG.to(ScalarType.Float64);
        var gram = differences.bmm(differences.transpose(1, 2));
        var right = differences.bmm(g.to(ScalarType.Float64).unsqueeze(2));
        var diagonal = gram.diagonal(0, 1, 2);
        var ridge = diagonal.sum(1, keepdim: true).MultiplyInPlace(_options.Ridge).AddInPlace(double.Epsilon * 1e20);
        diagonal.AddInPlace(ridge);
        var (factor, failed) = linalg.cholesky_ex(gram, check_errors: false);
        // Not cholesky_solve, which on CUDA may wait for the device.
        var half = linalg.solve_triangular(factor, right, upper: false);
        var gamma = linalg.solve_triangular(factor.transpose(1, 2), half, upper: true).transpose(1, 2);
        var usable = failed.logical_not().view(-1, 1, 1).logical_and(gamma.isfinite().all(2, keepdim: true));
        return where(usable, gamma, zeros_like(gamma));
    }
}

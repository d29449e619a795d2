using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// Broyden's good method on g(z) = f(z) - z, a row by itself: the inverse of its Jacobian is H = -I + sum of u_j v_j'. Once the memory is full H starts anew.
/// A row that then is worse than its best iterate, or much worse before, goes on from f of that, by which a contraction always gains. Sources: Broyden 1965; Kelley 1995, chapter 7; Bai, Kolter, Koltun 2019.
/// </summary>
internal sealed class BroydenStep : TensorStep
{
    /// <summary>A change is left out where v' dg is nothing but rounding.</summary>
    private const double LeastCosine = 1e-6;

    /// <summary>The growth of ||g|| over its least that a row is allowed on the way.</summary>
    private const double Growth = 10;

    private readonly int _memory;
    private readonly Tensor _u, _v, _lastZ, _lastG, _best, _bestNorm;
    private int _terms;
    private bool _started;

    public BroydenStep(Broyden options, Tensor z)
    {
        _memory = options.Memory;
        long[] history = [z.shape[0], _memory, z.shape[1]];
        (_u, _v) = (empty(history, z.dtype, z.device), empty(history, z.dtype, z.device));
        (_lastZ, _lastG, _best) = (empty_like(z), empty_like(z), empty_like(z));
        _bestNorm = empty([z.shape[0], 1], z.dtype, z.device);
    }

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        var g = f - z;
        var norm = g.norm(1, keepdim: true);
        var anew = _terms == _memory;
        if (_started)
        {
            _terms = anew ? 0 : _terms;
            Learn(z - _lastZ, g - _lastG);
            var better = norm.lt(_bestNorm);
            _best.copy_(where(better, f, _best));
            _bestNorm.copy_(where(better, norm, _bestNorm));
        }
        else
        {
            _best.copy_(f);
            _bestNorm.copy_(norm);
            _started = true;
        }
        _lastZ.copy_(z);
        _lastG.copy_(g);
        var moved = z - Product(_u, _v, g);
        var usable = norm.le(_bestNorm.clone().MultiplyInPlace(anew ? 1 : Growth)).logical_and(moved.isfinite().all(1, keepdim: true));
        next.copy_(where(usable, moved, _best));
        return next;
    }

    /// <summary>The rank-one change by which H dg = dz (Sherman and Morrison 1950).</summary>
    private void Learn(Tensor dz, Tensor dg)
    {
        var v = Product(_v, _u, dz);
        var missing = dz - Product(_u, _v, dg);
        var scale = v.mul(dg).sum(1, keepdim: true);
        var least = v.norm(1, keepdim: true).mul_(dg.norm(1, keepdim: true)).MultiplyInPlace(LeastCosine);
        _u.select(1, _terms).copy_(where(scale.abs().gt(least), missing.div_(scale), zeros_like(missing)));
        _v.select(1, _terms).copy_(v);
        _terms++;
    }

    /// <summary>-x + sum over the terms of left_j (right_j' x).</summary>
    private Tensor Product(Tensor left, Tensor right, Tensor x)
    {
        var product = x.neg();
        return _terms == 0 ? product : product.AddInPlace(x.unsqueeze(1).bmm(right.narrow(1, 0, _terms).transpose(1, 2)).bmm(left.narrow(1, 0, _terms)).squeeze(1));
    }
}

using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// Broyden's good method on g(z) = f(z) - z, a row by itself: the inverse of its Jacobian is H = -I + sum of u_j v_j', whose oldest terms are overwritten beyond the memory.
/// Sources: Broyden 1965; Bai, Kolter, Koltun 2019.
/// </summary>
internal sealed class BroydenStep : TensorStep
{
    /// <summary>A change is left out where v' dg is nothing but rounding.</summary>
    private const double LeastCosine = 1e-6;

    private readonly int _memory;
    private readonly Tensor _u, _v, _lastZ, _lastG;
    private int _count;

    public BroydenStep(Broyden options, Tensor z)
    {
        _memory = options.Memory;
        long[] history = [z.shape[0], _memory, z.shape[1]];
        (_u, _v) = (empty(history, z.dtype, z.device), empty(history, z.dtype, z.device));
        (_lastZ, _lastG) = (empty_like(z), empty_like(z));
    }

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        var g = f - z;
        if (_count > 0)
        {
            Learn(z - _lastZ, g - _lastG);
        }
        _lastZ.copy_(z);
        _lastG.copy_(g);
        // z - H g; where that is not finite, f.
        var moved = z - Product(_u, _v, g, Math.Min(_count, _memory));
        _count++;
        next.copy_(where(moved.isfinite().all(1, keepdim: true), moved, f));
        return next;
    }

    /// <summary>The rank-one change by which H dg = dz (Sherman and Morrison 1950).</summary>
    private void Learn(Tensor dz, Tensor dg)
    {
        var terms = Math.Min(_count - 1, _memory);
        var v = Product(_v, _u, dz, terms);
        var missing = dz - Product(_u, _v, dg, terms);
        var scale = v.mul(dg).sum(1, keepdim: true);
        var least = v.norm(1, keepdim: true).mul_(dg.norm(1, keepdim: true)).MultiplyInPlace(LeastCosine);
        var u = where(scale.abs().gt(least), missing.div_(scale), zeros_like(missing));
        var slot = (_count - 1) % _memory;
        _u.select(1, slot).copy_(u);
        _v.select(1, slot).copy_(v);
    }

    /// <summary>-x + sum over the terms of left_j (right_j' x).</summary>
    private static Tensor Product(Tensor left, Tensor right, Tensor x, int terms)
    {
        var product = x.neg();
        return terms == 0 ? product : product.AddInPlace(x.unsqueeze(1).matmul(right.narrow(1, 0, terms).transpose(1, 2)).matmul(left.narrow(1, 0, terms)).squeeze(1));
    }
}

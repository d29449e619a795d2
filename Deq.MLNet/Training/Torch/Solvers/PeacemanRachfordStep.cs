using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Peaceman-Rachford splitting (Winston and Kolter 2020, algorithm 2): the resolvent of the affine part and the proximal map by turns, each reflected.</summary>
internal sealed class PeacemanRachfordStep : TensorStep
{
    private readonly TensorMap _map;
    private readonly double _step;
    /// <summary>((1 + step) I - step M)^-1.</summary>
    private readonly Tensor _resolvent;
    /// <summary>What the proximal map left, reflected: 2 z - v for z = prox(v).</summary>
    private readonly Tensor _reflected;

    public PeacemanRachfordStep(PeacemanRachford options, TensorMap map, Tensor z)
    {
        (_map, _step) = (map, options.Step);
        var system = map.Matrix.to(ScalarType.Float64, copy: true).MultiplyInPlace(-_step);
        system.diagonal().AddInPlace(1 + _step);
        var unit = eye(z.shape[1], dtype: ScalarType.Float64, device: z.device);
        _resolvent = linalg.solve_ex(system, unit, check_errors: false).Item1.to(z.dtype);
        _reflected = empty_like(z);
        // v = z + step (z M + u - z), of which an equilibrium is the proximal map.
        var v = empty_like(z);
        map.Affine(z, v);
        v.MultiplyInPlace(_step).AddInPlace(z, 1 - _step);
        Reflect(v, v.clone());
    }

    public override bool ReadsValue => false;

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        next.copy_(_reflected).AddInPlace(_map.Injection, _step);
        var v = next.mm(_resolvent).MultiplyInPlace(2).sub_(_reflected);
        next.copy_(v);
        Reflect(v, next);
        return next;
    }

    /// <summary>Applies the proximal map to the second, which is v.</summary>
    private void Reflect(Tensor v, Tensor z)
    {
        _map.Proximal(z, _step);
        _reflected.copy_(v).neg_().AddInPlace(z, 2);
    }
}

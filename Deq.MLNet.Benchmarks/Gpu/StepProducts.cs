using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>
/// The matrix products of one training step by themselves: no step can be faster. B x d by d x d for each iteration forward and adjoint but the first, which from zero needs none;
/// the gradient of W; U's product and its gradient.
/// </summary>
internal sealed class StepProducts : IDisposable
{
    private readonly Tensor _z, _x, _w, _u, _states, _result, _coarseZ, _coarseW, _coarseResult;
    private readonly MatmulPrecision _precision;
    private readonly int _forward, _adjoint;

    /// <summary>Makes them.</summary>
    /// <param name="problem">Of these sizes and weights.</param>
    /// <param name="device">Where.</param>
    /// <param name="precision">With bfloat16 those of the iterations have operands and results of it; the others are as with TensorFloat32.</param>
    /// <param name="forward">Iterations of the forward solve.</param>
    /// <param name="adjoint">Iterations of the adjoint.</param>
    public StepProducts(Problem problem, MeasuredDevice device, MatmulPrecision precision, double forward, double adjoint)
    {
        (_precision, _forward, _adjoint) = (precision, (int)Math.Round(forward) - 1, (int)Math.Round(adjoint) - 1);
        var (size, batch, features) = (problem.Size, problem.BatchRows, problem.Data.FeatureCount);
        var type = precision == MatmulPrecision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Tensor Keep(Tensor values) => values.to(device.Name).DetachFromDisposeScope();
        (_z, _x, _states) = (Keep(rand(batch, size)), Keep(tensor(problem.Data.Features[..(batch * features)]).view(batch, features)), Keep(zeros(batch, size)));
        (_w, _u, _result) = (Keep(tensor(problem.Weights.W).view(size, size)), Keep(tensor(problem.Weights.U).view(size, features)), Keep(zeros(size, size)));
        (_coarseZ, _coarseW, _coarseResult) = (_z.to(type).DetachFromDisposeScope(), _w.to(type).DetachFromDisposeScope(), _states.to(type).DetachFromDisposeScope());
        Way = new Way($"its products alone, {precision}", Multiply) { Finish = device.Synchronize };
        Operations = 2.0 * batch * size * ((_forward + _adjoint + 1.0) * size + 2 * features);
    }

    public Way Way { get; }

    /// <summary>Additions and multiplications.</summary>
    public double Operations { get; }

    private void Multiply()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var allowed = backends.cuda.matmul.allow_tf32;
        backends.cuda.matmul.allow_tf32 = _precision != MatmulPrecision.Float32;
        for (var i = 0; i < _forward; i++)
        {
            _coarseResult.addmm_(_coarseZ, _coarseW.t(), 0, 1);
        }
        for (var i = 0; i < _adjoint; i++)
        {
            _coarseResult.addmm_(_coarseZ, _coarseW, 0, 1);
        }
        _result.addmm_(_z.t(), _states, 0, 1);
        _states.addmm_(_x, _u.t(), 0, 1);
        _u.addmm_(_z.t(), _x, 0, 1);
        backends.cuda.matmul.allow_tf32 = allowed;
    }

    public void Dispose()
    {
        foreach (var tensor in new[] { _z, _x, _w, _u, _states, _result, _coarseZ, _coarseW, _coarseResult })
        {
            tensor.Dispose();
        }
    }
}

using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>
/// The matrix products of one training step by themselves: no step can be faster. B x d by d x d for each iteration forward and adjoint but the first, which from zero needs none;
/// the gradient of W; U's product and its gradient.
/// </summary>
internal sealed class StepProducts : IDisposable
{
    private readonly Tensor _z, _x, _w, _u, _states, _result;
    private readonly MatmulPrecision _precision;
    private readonly int _forward, _adjoint;

    /// <summary>Makes them.</summary>
    /// <param name="problem">Of these sizes and weights.</param>
    /// <param name="device">Where.</param>
    /// <param name="precision">float32 or TensorFloat32. With bfloat16 only some of a step's iterations have operands of it: its products are not known.</param>
    /// <param name="forward">Iterations of the forward solve.</param>
    /// <param name="adjoint">Iterations of the adjoint.</param>
    public StepProducts(Problem problem, MeasuredDevice device, MatmulPrecision precision, double forward, double adjoint)
    {
        (_precision, _forward, _adjoint) = (precision, (int)Math.Round(forward) - 1, (int)Math.Round(adjoint) - 1);
        var (size, batch, features) = (problem.Size, problem.BatchRows, problem.Data.FeatureCount);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Tensor Keep(Tensor values) => values.to(device.Name).DetachFromDisposeScope();
        (_z, _x, _states) = (Keep(rand(batch, size)), Keep(tensor(problem.Data.Features[..(batch * features)]).view(batch, features)), Keep(zeros(batch, size)));
        (_w, _u, _result) = (Keep(tensor(problem.Weights.W).view(size, size)), Keep(tensor(problem.Weights.U).view(size, features)), Keep(zeros(size, size)));
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
        backends.cuda.matmul.allow_tf32 = _precision == MatmulPrecision.TensorFloat32;
        for (var i = 0; i < _forward; i++)
        {
            _states.addmm_(_z, _w.t(), 0, 1);
        }
        for (var i = 0; i < _adjoint; i++)
        {
            _states.addmm_(_z, _w, 0, 1);
        }
        _result.addmm_(_z.t(), _states, 0, 1);
        _states.addmm_(_x, _u.t(), 0, 1);
        _u.addmm_(_z.t(), _x, 0, 1);
        backends.cuda.matmul.allow_tf32 = allowed;
    }

    public void Dispose()
    {
        foreach (var tensor in new[] { _z, _x, _w, _u, _states, _result })
        {
            tensor.Dispose();
        }
    }
}

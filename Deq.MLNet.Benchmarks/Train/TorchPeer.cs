using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>A deep equilibrium network trained by libtorch's autograd and its Adam, as one would write it without this library. W is held by no rule: that costs it nothing.</summary>
internal abstract class TorchPeer : IDisposable
{
    private readonly Problem _problem;
    private readonly Tensor _x, _y;
    private readonly optim.Optimizer _optimizer;
    private int _steps;

    protected TorchPeer(Problem problem)
    {
        _problem = problem;
        var (data, size) = (problem.Data, problem.Size);
        static Parameter New(params long[] shape) => new(zeros(shape));
        (W, U, B, V, C) = (New(size, size), New(size, data.FeatureCount), New(size), New(1, size), New(1));
        (_x, _y) = (tensor(data.Features).view(data.Rows, data.FeatureCount), tensor(data.Targets).view(data.Rows, 1));
        _optimizer = optim.Adam(All, Problem.LearningRate);
        Restart();
    }

    protected Parameter W { get; }

    protected Parameter U { get; }

    protected Parameter B { get; }

    protected Parameter V { get; }

    protected Parameter C { get; }

    private Parameter[] All => [W, U, B, V, C];

    /// <summary>One step of the optimizer on the next batch.</summary>
    public void Step()
    {
        using var scope = NewDisposeScope();
        if (_steps % (Problem.EpochsFromStart * _problem.BatchCount) == 0)
        {
            Restart();
        }
        Backward(_steps++ % _problem.BatchCount);
        _optimizer.step();
    }

    /// <summary>The loss of the first batch and its gradient, in the order of the network's arrays.</summary>
    public (double Loss, double[] Gradient) Differentiate()
    {
        using var scope = NewDisposeScope();
        var loss = Backward(0).item<float>();
        return (loss, [.. All.SelectMany(p => p.grad!.to(ScalarType.Float64).data<double>().ToArray())]);
    }

    /// <summary>The loss of some rows; what comes back leads autograd to every parameter.</summary>
    protected abstract Tensor Differentiate(Tensor x, Tensor y);

    /// <summary>The cell of some rows: U x + b is computed once.</summary>
    protected Func<Tensor, Tensor> Cell(Tensor x)
    {
        var injection = addmm(B, x, U.t(), 1, 1);
        return z => addmm(injection, z, W.t(), 1, 1).relu();
    }

    protected Tensor Loss(Tensor z, Tensor y) => (addmm(C, z, V.t(), 1, 1) - y).pow(2).mean();

    /// <summary>Iterates a map until the batch as a whole is solved. What autograd does not keep is freed on the way.</summary>
    /// <param name="z">Where to start; freed.</param>
    /// <param name="map">One iteration.</param>
    /// <param name="recordsTest">Whether autograd sees the stopping test too, as it does where nobody tells it not to.</param>
    protected static Tensor Iterate(Tensor z, Func<Tensor, Tensor> map, bool recordsTest = false)
    {
        for (var (i, solved) = (0, false); i < Problem.MaxIterations && !solved; i++)
        {
            using var scope = NewDisposeScope();
            var next = map(z);
            using (recordsTest ? null : no_grad())
            {
                solved = (next - z).norm().item<float>() <= Problem.Tolerance * next.norm().item<float>();
            }
            z.Dispose();
            z = next.MoveToOuterDisposeScope();
        }
        return z;
    }

    private Tensor Backward(int batch)
    {
        _optimizer.zero_grad();
        var start = (long)batch * _problem.BatchRows;
        return Differentiate(_x.narrow(0, start, _problem.BatchRows), _y.narrow(0, start, _problem.BatchRows));
    }

    /// <summary>Goes back to the first weights.</summary>
    private void Restart()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        foreach (var (parameter, (_, values)) in All.Zip(_problem.Weights.Arrays))
        {
            parameter.copy_(tensor(values.ToArray()).view(parameter.shape));
        }
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _x.Dispose();
        _y.Dispose();
        foreach (var parameter in All)
        {
            parameter.Dispose();
        }
    }
}

/// <summary>Backpropagation through every iteration until the batch as a whole is solved.</summary>
/// <param name="problem">What is trained.</param>
/// <param name="tuned">Whether U x + b is computed once, the product is fused with its sum, and the stopping test is not recorded; else the formula as it stands.</param>
internal sealed class UnrolledPeer(Problem problem, bool tuned) : TorchPeer(problem)
{
    protected override Tensor Differentiate(Tensor x, Tensor y)
    {
        var start = zeros(x.shape[0], B.shape[0]);
        var z = tuned ? Iterate(start, Cell(x)) : Iterate(start, at => (at.matmul(W.t()) + x.matmul(U.t()) + B).relu(), recordsTest: true);
        var loss = Loss(z, y);
        loss.backward();
        return loss;
    }
}

/// <summary>The implicit gradient by autograd: one step is attached to the solution, and its vector-Jacobian product is iterated.</summary>
internal sealed class ImplicitPeer(Problem problem) : TorchPeer(problem)
{
    protected override Tensor Differentiate(Tensor x, Tensor y)
    {
        Tensor z;
        using (no_grad())
        {
            z = Iterate(zeros(x.shape[0], B.shape[0]), Cell(x));
        }
        var at = z.detach().requires_grad_();
        var f = Cell(x)(at);
        var output = f.detach().requires_grad_();
        var loss = Loss(output, y);
        loss.backward();
        var gradient = output.grad!;
        var adjoint = Iterate(gradient.detach(), u => autograd.grad([f], [at], [u], retain_graph: true)[0] + gradient);
        autograd.backward([f], [adjoint], inputs: [W, U, B]);
        return loss;
    }
}

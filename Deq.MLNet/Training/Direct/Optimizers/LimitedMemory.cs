using System.Numerics.Tensors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Direct.Optimizers;

/// <summary>L-BFGS: the direction by the two loops of Nocedal (1980), the step along it by <see cref="LineSearch"/>.</summary>
internal sealed class LimitedMemory : DirectOptimizer
{
    /// <summary>A pair of differences is kept where the curvature along it is above this share of their lengths' product.</summary>
    private const double LeastCurvature = 1e-10;

    private readonly double[][] _steps, _changes;
    private readonly double[] _direction;
    private double[] _gradient;

    /// <summary>How many pairs were kept; the last ones stand at their numbers modulo the memory.</summary>
    private int _pairs;
    private bool _isAtRest;
    private ObjectiveValue? _value;
    private BatchSolution _adjoint;

    public LimitedMemory(LBfgs options, int weights)
    {
        double[][] Room() => [.. Enumerable.Range(0, options.Memory).Select(_ => new double[weights])];
        (_steps, _changes, _direction, _gradient) = (Room(), Room(), new double[weights], new double[weights]);
    }

    protected override IReadOnlyList<double[]> Moments => [.. _steps, .. _changes];

    protected override double[] Numbers
    {
        get => [_pairs, _isAtRest ? 1 : 0];
        set => (_pairs, _isAtRest) = ((int)value[0], value[1] != 0);
    }

    public override StepStart Step(Objective objective, double learningRate, double? gradientClip)
    {
        if (_value is null)
        {
            _value = objective.Evaluate();
            _adjoint = objective.Gradient(_gradient);
        }
        var value = _value.Value;
        var start = new StepStart(value, _adjoint);
        if (_isAtRest)
        {
            return start;
        }
        SetDirection();
        if (!(TensorPrimitives.Dot<double>(_direction, _gradient) < 0))
        {
            _pairs = 0;
            SetDirection();
        }
        var weights = objective.Weights.ToArray();
        var first = _pairs > 0 ? 1 : Math.Min(1, 1 / Kernels.Norm<double>(_gradient));
        if (new LineSearch(objective, weights, _direction).Run(value, _gradient, first) is { } found)
        {
            Remember(weights, objective.Weights, found.Gradient);
            (_value, _gradient, _adjoint) = (found.Value, found.Gradient, found.Adjoint);
        }
        else
        {
            weights.CopyTo(objective.Weights, 0);
            // Down the gradient itself at the next step; where that led nowhere, there is nowhere to go.
            (_isAtRest, _pairs) = (_pairs == 0, 0);
        }
        return start;
    }

    public override void Forget() => _value = null;

    public override void Restart()
    {
        Forget();
        (_pairs, _isAtRest) = (0, false);
    }

    private int Oldest => Math.Max(0, _pairs - _steps.Length);

    private void SetDirection()
    {
        TensorPrimitives.Negate(_gradient, _direction);
        var shares = new double[_steps.Length];
        for (var i = _pairs - 1; i >= Oldest; i--)
        {
            var (s, y) = Pair(i);
            shares[i % shares.Length] = TensorPrimitives.Dot<double>(s, _direction) / TensorPrimitives.Dot<double>(s, y);
            TensorPrimitives.MultiplyAdd(y, -shares[i % shares.Length], _direction, _direction);
        }
        if (_pairs > 0)
        {
            var (s, y) = Pair(_pairs - 1);
            TensorPrimitives.Multiply(_direction, TensorPrimitives.Dot<double>(s, y) / TensorPrimitives.SumOfSquares<double>(y), _direction);
        }
        for (var i = Oldest; i < _pairs; i++)
        {
            var (s, y) = Pair(i);
            var share = TensorPrimitives.Dot<double>(y, _direction) / TensorPrimitives.Dot<double>(s, y);
            TensorPrimitives.MultiplyAdd(s, shares[i % shares.Length] - share, _direction, _direction);
        }
    }

    private void Remember(double[] from, double[] to, double[] gradient)
    {
        var (s, y) = Pair(_pairs);
        var (step, change) = (new double[s.Length], new double[y.Length]);
        TensorPrimitives.Subtract(to, from, step);
        TensorPrimitives.Subtract(gradient, _gradient, change);
        if (TensorPrimitives.Dot<double>(step, change) > LeastCurvature * Kernels.Norm<double>(step) * Kernels.Norm<double>(change))
        {
            step.CopyTo(s, 0);
            change.CopyTo(y, 0);
            _pairs++;
        }
    }

    private (double[] Step, double[] Change) Pair(int i) => (_steps[i % _steps.Length], _changes[i % _changes.Length]);
}

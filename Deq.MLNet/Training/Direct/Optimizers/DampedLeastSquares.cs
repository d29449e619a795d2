namespace Deq.MLNet.Training.Direct.Optimizers;

/// <summary>The method of Levenberg and Marquardt: a step that does not lower the loss is taken back, and the next is shorter.</summary>
internal sealed class DampedLeastSquares(LevenbergMarquardt options) : DirectOptimizer
{
    private const double LeastDamping = 1e-12;

    /// <summary>Beyond this no step is long enough to change anything.</summary>
    private const double MostDamping = 1e10;

    /// <summary>The share of the loss by which a step must lower it.</summary>
    private const double LeastDecrease = 1e-9;

    private readonly NormalEquations _equations = new();
    private double _damping = options.Damping;
    private ObjectiveValue? _value;
    /// <summary>Of the equations; null where they are not those of the present weights.</summary>
    private BatchSolution? _adjoint;

    protected override double[] Numbers
    {
        get => [_damping];
        set => _damping = value[0];
    }

    public override StepStart Step(Objective objective, double learningRate, double? gradientClip)
    {
        var value = _value ??= objective.Evaluate();
        if (_damping > MostDamping)
        {
            return new StepStart(value, default);
        }
        var adjoint = _adjoint ??= _equations.Take(objective);
        if (Try(objective) is { } trial && trial.IsBelow(value, LeastDecrease))
        {
            (_value, _adjoint) = (trial, null);
            _damping = Math.Max(_damping / options.Decrease, LeastDamping);
        }
        else
        {
            _equations.Restore(objective);
            _damping *= options.Increase;
        }
        return new StepStart(value, adjoint);
    }

    public override void Forget() => (_value, _adjoint) = (null, null);

    public override void Restart()
    {
        Forget();
        _damping = options.Damping;
    }

    private ObjectiveValue? Try(Objective objective)
    {
        if (_equations.Solve(_damping) is not { } step)
        {
            return null;
        }
        for (var i = 0; i < step.Length; i++)
        {
            objective.Weights[_equations.Free[i]] += step[i];
        }
        objective.Project();
        return objective.Evaluate();
    }
}

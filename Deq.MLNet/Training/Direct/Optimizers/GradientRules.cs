using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Direct.Optimizers;

/// <summary>A rule by the gradient of a batch alone, weight by weight.</summary>
/// <param name="weights">How many.</param>
/// <param name="weightDecay">What is added to the gradient for each unit of a weight.</param>
internal abstract class GradientRule(int weights, double weightDecay) : DirectOptimizer
{
    private readonly double[] _gradient = new double[weights];

    public override StepStart Step(Objective objective, double learningRate, double? gradientClip)
    {
        var value = objective.Evaluate();
        var adjoint = objective.Gradient(_gradient);
        var scale = gradientClip is { } limit ? Math.Min(1, limit / (Kernels.Norm<double>(_gradient) + 1e-30)) : 1;
        BeginStep(learningRate);
        for (var p = 0; p < _gradient.Length; p++)
        {
            if (objective.IsFree[p])
            {
                ref var weight = ref objective.Weights[p];
                Move(p, scale * _gradient[p] + weightDecay * weight, ref weight);
            }
        }
        objective.Project();
        return new StepStart(value, adjoint);
    }

    protected abstract void BeginStep(double learningRate);

    protected abstract void Move(int index, double gradient, ref double weight);
}

internal sealed class AdamRule(Adam options, int weights, double weightDecay, bool decoupled) : GradientRule(weights, decoupled ? 0 : weightDecay)
{
    private readonly double[] _mean = new double[weights], _meanSquare = new double[weights];
    private double _keep, _rate, _divisorScale;

    protected override IReadOnlyList<double[]> Moments => [_mean, _meanSquare];

    /// <summary>By the count of steps the moments are brought to their size: those of weights that were frozen have none behind them.</summary>
    public override void Restart()
    {
        Steps = 0;
        Array.Clear(_mean);
        Array.Clear(_meanSquare);
    }

    protected override void BeginStep(double learningRate)
    {
        Steps++;
        _keep = decoupled ? 1 - learningRate * weightDecay : 1;
        _rate = learningRate / (1 - Math.Pow(options.Beta1, Steps));
        _divisorScale = 1 / Math.Sqrt(1 - Math.Pow(options.Beta2, Steps));
    }

    protected override void Move(int index, double gradient, ref double weight)
    {
        _mean[index] += (1 - (double)options.Beta1) * (gradient - _mean[index]);
        _meanSquare[index] += (1 - (double)options.Beta2) * (gradient * gradient - _meanSquare[index]);
        weight = weight * _keep - _rate * _mean[index] / (Math.Sqrt(_meanSquare[index]) * _divisorScale + options.Epsilon);
    }
}

internal sealed class SgdRule(Sgd options, int weights, double weightDecay) : GradientRule(weights, weightDecay)
{
    private readonly double[] _velocity = new double[weights];
    private double _rate;

    protected override IReadOnlyList<double[]> Moments => [_velocity];

    protected override void BeginStep(double learningRate) => _rate = learningRate;

    protected override void Move(int index, double gradient, ref double weight)
    {
        _velocity[index] = _velocity[index] * options.Momentum + gradient;
        weight -= _rate * _velocity[index];
    }
}

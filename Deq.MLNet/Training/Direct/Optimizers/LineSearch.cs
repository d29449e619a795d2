using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Direct.Optimizers;

/// <summary>A step along a direction that meets the strong conditions of Wolfe (Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6); weights are brought back under their limits before they are judged.</summary>
internal sealed class LineSearch(Objective objective, double[] start, double[] direction)
{
    /// <summary>The share of what the slope at the start promises by which the value must fall.</summary>
    private const double Decrease = 1e-4;

    /// <summary>The share of that slope which may be left.</summary>
    private const double Curvature = 0.9;

    private const double Growth = 2;

    private const int MostTrials = 25;

    private int _trials;
    private Trial? _last;

    /// <summary>Leaves the weights where the value is lower than at the start; null where no such place was found.</summary>
    /// <param name="value">At the start.</param>
    /// <param name="gradient">At the start.</param>
    /// <param name="first">The first length to try.</param>
    public Trial? Run(ObjectiveValue value, double[] gradient, double first)
    {
        var origin = new Trial(0, value, gradient, default, TensorPrimitives.Dot<double>(gradient, direction));
        var found = Bracket(origin, first);
        if (found.Length == 0 || !found.Value.IsBelow(value))
        {
            return null;
        }
        return ReferenceEquals(found, _last) ? found : At(found.Length, value);
    }

    private Trial Bracket(Trial origin, double length)
    {
        var last = origin;
        while (_trials < MostTrials)
        {
            var next = At(length, origin.Value);
            if (IsTooHigh(next, origin) || _trials > 1 && next.Value.Value >= last.Value.Value)
            {
                return Zoom(origin, last, next);
            }
            if (IsFlat(next, origin))
            {
                return next;
            }
            if (next.Slope >= 0)
            {
                return Zoom(origin, next, last);
            }
            (last, length) = (next, Growth * length);
        }
        return last;
    }

    /// <summary>Between a trial that fell enough and another beyond which it rises.</summary>
    private Trial Zoom(Trial origin, Trial low, Trial high)
    {
        while (_trials < MostTrials)
        {
            var next = At(Between(low, high), origin.Value);
            if (IsTooHigh(next, origin) || next.Value.Value >= low.Value.Value)
            {
                high = next;
                continue;
            }
            if (IsFlat(next, origin))
            {
                return next;
            }
            if (next.Slope * (high.Length - low.Length) >= 0)
            {
                high = low;
            }
            low = next;
        }
        return low;
    }

    /// <summary>The minimum of the parabola through the values and the lower one's slope, kept off the ends.</summary>
    private static double Between(Trial low, Trial high)
    {
        var width = high.Length - low.Length;
        var curvature = high.Value.Value - low.Value.Value - low.Slope * width;
        var share = -low.Slope * width / (2 * curvature);
        return low.Length + width * (double.IsFinite(share) ? Math.Clamp(share, 0.1, 0.9) : 0.5);
    }

    private static bool IsTooHigh(Trial next, Trial origin) => !(next.Value.Value <= origin.Value.Value + Decrease * next.Length * origin.Slope);

    private static bool IsFlat(Trial next, Trial origin) => Math.Abs(next.Slope) <= -Curvature * origin.Slope;

    private Trial At(double length, ObjectiveValue origin)
    {
        _trials++;
        TensorPrimitives.MultiplyAdd(direction, length, start, objective.Weights);
        objective.Project();
        var value = objective.Evaluate();
        var gradient = new double[start.Length];
        var adjoint = objective.Gradient(gradient);
        var lost = value.Solution.Unsolved > origin.Solution.Unsolved;
        return _last = new Trial(length, lost ? value with { Value = double.PositiveInfinity } : value, gradient, adjoint, TensorPrimitives.Dot<double>(gradient, direction));
    }

    /// <summary>What is at some length along the direction.</summary>
    internal sealed record Trial(double Length, ObjectiveValue Value, double[] Gradient, BatchSolution Adjoint, double Slope);
}

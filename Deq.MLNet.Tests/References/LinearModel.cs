using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.References;

/// <summary>Linear models of the least loss over weighted rows, found in float64.</summary>
internal static class LinearModel
{
    /// <summary>The features of a row, and 1 for the constant.</summary>
    public static double[] Augmented(TrainingData data, int row) => [.. Linear.ToDouble(data.Row(row).Span), 1];

    /// <summary>The coefficients, that of the constant last, at which the weighted sum of slope(s, y) x is zero, by Newton's method.</summary>
    public static double[] Newton(TrainingData data, Func<double, double, (double First, double Second)> slopes)
    {
        var beta = new double[data.FeatureCount + 1];
        for (var step = 0; step < 60; step++)
        {
            var (gradient, hessian) = (new double[beta.Length], new double[beta.Length * beta.Length]);
            for (var row = 0; row < data.Rows; row++)
            {
                var x = Augmented(data, row);
                var (first, second) = slopes(x.Zip(beta, (v, b) => v * b).Sum(), data.Targets[row]);
                for (var i = 0; i < beta.Length; i++)
                {
                    gradient[i] += data.Weight(row) * first * x[i];
                    for (var j = 0; j < beta.Length; j++)
                    {
                        hessian[i * beta.Length + j] += data.Weight(row) * second * x[i] * x[j];
                    }
                }
            }
            var change = Linear.Solve(hessian, gradient);
            // Far from the end a full step may overshoot an exponential.
            var length = Math.Min(1, 1 / change.Max(Math.Abs));
            beta = [.. beta.Zip(change, (b, d) => b - length * d)];
        }
        return beta;
    }

    /// <summary>The coefficients of the least log-loss for targets from 0 to 1.</summary>
    public static double[] Logistic(TrainingData data) => Newton(data, (s, y) => (Float64.Logistic(s) - y, Float64.Logistic(s) * (1 - Float64.Logistic(s))));
}

using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>A feed-forward network without hidden layers is a generalised linear model: its weights are those of the maximum likelihood, which Newton's method finds in float64.</summary>
public sealed class MaximumLikelihoodTests
{
    private const int Features = 3;

    private static readonly TrainingSettings Settings = Setup.Settings(Setup.Fnn()) with
    {
        Epochs = 1500,
        BatchSize = int.MaxValue,
        LearningRate = 0.1,
        Schedule = LearningRateSchedule.Cosine(),
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Poisson_regression_finds_the_coefficients_of_the_likelihood(bool normalize)
    {
        var data = Rows(1, (signal, random) => Poisson(Math.Exp(signal + 1), random));

        var layer = Fit(Settings with { Loss = RegressionLoss.Poisson, NormalizeTargets = normalize }, data);

        // The gradient of sum w (m - y log m), m = exp(s), by s, and its slope.
        var expected = LinearModel.Newton(data, (s, y) => (Math.Exp(s) - y, Math.Exp(s)));
        Close(layer, expected);
        Close(expected, [0.7, -0.4, 1, 1], 0.2);
    }

    [Fact]
    public void Tweedie_regression_finds_the_coefficients_of_the_quasi_likelihood()
    {
        var data = Rows(2, (signal, random) => random.NextDouble() < 0.4 ? 0 : Math.Exp(signal) * 2 * random.NextDouble() / 0.6);

        var layer = Fit(Settings with { Loss = RegressionLoss.Tweedie(1.3f) }, data);

        const double p = 1.3f;
        Close(layer, LinearModel.Newton(data, (s, y) => (Math.Exp((2 - p) * s) - y * Math.Exp((1 - p) * s), (2 - p) * Math.Exp((2 - p) * s) - (1 - p) * y * Math.Exp((1 - p) * s))));
    }

    [Fact]
    public void Logistic_regression_finds_the_coefficients_of_the_likelihood()
    {
        var data = Rows(3, (signal, random) => random.NextDouble() < Float64.Logistic(signal) ? 1 : 0);

        var layer = Fit(Settings with { Loss = BinaryLoss.Logistic }, data);

        Close(layer, LinearModel.Logistic(data));
    }

    /// <summary>Softmax leaves one class free, so the weights are compared as differences from the first; Newton's system takes all the others at once.</summary>
    [Fact]
    public void Multinomial_regression_finds_the_coefficients_of_the_likelihood()
    {
        const int classes = 3, columns = Features + 1;
        var data = Rows(4, (signal, random) => signal + 2 * random.NextDouble() - 1 is var s && s < -0.7 ? 2 : s < 0.7 ? 0 : 1);

        var layer = Fit(Settings with { Loss = MulticlassLoss.CrossEntropy(), Outputs = classes }, data);

        var beta = new double[(classes - 1) * columns];
        for (var step = 0; step < 30; step++)
        {
            var (gradient, hessian) = (new double[beta.Length], new double[beta.Length * beta.Length]);
            for (var row = 0; row < data.Rows; row++)
            {
                var x = LinearModel.Augmented(data, row);
                double[] o = [0, .. Enumerable.Range(0, classes - 1).Select(k => x.Select((v, j) => v * beta[k * columns + j]).Sum())];
                var p = Float64.Softmax(o);
                for (var i = 0; i < beta.Length; i++)
                {
                    var k = i / columns + 1;
                    gradient[i] += data.Weight(row) * (p[k] - (data.Targets[row] == k ? 1 : 0)) * x[i % columns];
                    for (var j = 0; j < beta.Length; j++)
                    {
                        var l = j / columns + 1;
                        hessian[i * beta.Length + j] += data.Weight(row) * p[k] * ((k == l ? 1 : 0) - p[l]) * x[i % columns] * x[j % columns];
                    }
                }
            }
            beta = [.. beta.Zip(Linear.Solve(hessian, gradient), (b, d) => b - d)];
        }
        double[] actual = [.. Enumerable.Range(columns, beta.Length).Select(i => layer[i] - layer[i % columns])];
        actual.LargestDifference(beta).Should().BeLessThan(2e-3 * beta.Max(Math.Abs));
    }

    /// <summary>Of one constant, the absolute loss makes the weighted median; the squared loss makes the mean, which the outlier moves.</summary>
    [Fact]
    public void The_absolute_loss_predicts_the_median_and_the_squared_loss_the_mean()
    {
        float[] labels = [1, 2, 3, 4, 1000];
        var data = new TrainingData(1, 1, new float[5], labels, null);
        float Constant(RegressionLoss loss, TrainingData rows) => Setup.Outputs(Setup.Fit(Settings with { Loss = loss }, rows).Network, rows)[0];

        Constant(RegressionLoss.Absolute, data).Should().BeApproximately(3, 0.2f);
        Constant(RegressionLoss.Absolute, data with { Weights = [1, 1, 1, 9, 1] }).Should().BeApproximately(4, 0.2f);
        Constant(RegressionLoss.Squared, data).Should().BeApproximately(202, 0.2f);
        // Four of five within delta of the constant m: 4 m - 10 = delta.
        Constant(RegressionLoss.Huber(5), data).Should().BeApproximately(3.75f, 0.2f);
    }

    /// <summary>The weights of a layer for each output, its bias last.</summary>
    private static double[] Fit(TrainingSettings settings, TrainingData data)
    {
        var layer = ((FnnNetwork)Setup.Fit(settings, data).Network).Layers.Single();
        return [.. Enumerable.Range(0, layer.OutputSize).SelectMany(k => layer.Weights.Slice(k * Features, Features).ToArray().Append(layer.Bias.Span[k])).Select(w => (double)w)];
    }

    /// <summary>Weighted rows of features with means and scales of their own, and labels drawn for the signal 0.7 x0 - 0.4 x1 + x2.</summary>
    private static TrainingData Rows(int seed, Func<double, Random, double> label)
    {
        var random = new Random(seed);
        var noise = Setup.Noise(400, Features, 1, seed, weighted: true);
        float[] x = [.. noise.Features.Select((v, i) => i % Features == 1 ? 3 * v + 2 : 0.5f * v)];
        var labels = Enumerable.Range(0, 400).Select(r => (float)label(0.7 * x[3 * r] - 0.4 * x[3 * r + 1] + x[3 * r + 2], random));
        return noise with { Features = x, Targets = [.. labels] };
    }

    /// <summary>A count by Knuth's method.</summary>
    private static double Poisson(double mean, Random random)
    {
        var (count, product) = (0, random.NextDouble());
        while (product > Math.Exp(-mean))
        {
            count++;
            product *= random.NextDouble();
        }
        return count;
    }

    private static void Close(double[] actual, double[] expected, double allowed = 2e-3) =>
        actual.LargestDifference(expected).Should().BeLessThan(allowed * expected.Max(Math.Abs));
}

using Deq.MLNet.Samples.Lab;
using Microsoft.ML;

namespace Deq.MLNet.Tests.Lab;

public class LinearModelsTests
{
    private static readonly float[][] X = [.. RandomCell.Values(new Random(5), 4 * 9, 1).Chunk(9)];

    private static readonly float[] Y = [1, -2, 0.5f, 3];

    /// <summary>Rows and weights of a seed were made of the same random numbers by the same formula: the first units of an FNN were the training rows.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2_000)]
    public void Units_do_not_start_as_the_rows_of_their_seed(int seed)
    {
        var ml = new MLContext();
        var rows = LinearTask.X(LinearTask.TrainingRows, seed);
        var start = (FnnNetwork)new FnnLearner(20, 20).Fit(ml, LinearTask.Sparse.Data(ml, rows), options => (options.Seed, options.LearningRate, options.Epochs) = (seed, float.Epsilon, 1)).Model.Network;
        var units = start.Layers[0].Weights.ToArray().Chunk(LinearTask.Features).ToList();
        units.Max(unit => rows.Max(row => Math.Abs(Cosine(unit, row)))).Should().BeLessThan(0.9);

        static double Cosine(float[] a, float[] b) => LinearModels.Dot([.. a.Select(value => (double)value)], b) / Math.Sqrt(a.Sum(value => (double)value * value) * b.Sum(value => (double)value * value));
    }

    [Fact]
    public void Participation_counts_what_is_alike()
    {
        LinearModels.Participation([0, -3, 0]).Should().Be(1);
        LinearModels.Participation([2, -2, 2, 2]).Should().Be(4);
        LinearModels.Participation([1, 3]).Should().BeApproximately(1.6, 1e-15);
    }

    [Fact]
    public void The_interpolator_of_least_norm_fits_and_lies_in_the_rows()
    {
        var beta = LinearModels.LeastNorm(X, Y);
        X.Select(row => LinearModels.Dot(beta, row)).LargestDifference(Y.Select(y => (double)y)).Should().BeLessThan(1e-12);
        LinearModels.LeastNormResidual(X, beta).Should().BeLessThan(1e-12);
        LinearModels.ArctanResidual(X, beta).Should().BeGreaterThan(1e-2);
    }

    [Fact]
    public void A_diagonal_feed_forward_network_from_a_small_start_fits_by_fewer_features()
    {
        float[][] x = [.. RandomCell.Values(new Random(6), 7 * 10, 1).Chunk(10)];
        float[] y = [.. x.Select(row => 2 * row[3])];
        var beta = LinearModels.DiagonalFnn(x, y, 1e-4, rate: 1e-2, steps: 20_000);
        x.Select(row => LinearModels.Dot(beta, row)).LargestDifference(y.Select(v => (double)v)).Should().BeLessThan(1e-2);
        LinearModels.Participation(beta).Should().BeLessThan(1.5).And.BeLessThan(LinearModels.Participation(LinearModels.LeastNorm(x, y)) / 2);
    }

    /// <summary>beta that solves (arctan(beta) + beta / (1 + beta^2)) / 2 = a combination of the rows, by bisection.</summary>
    [Fact]
    public void Where_the_diagonal_flow_ends_its_condition_holds()
    {
        double[] combination = [.. X[0].Select((_, i) => 0.2 * X[0][i] - 0.1 * X[1][i] + 0.05 * X[3][i])];
        var beta = combination.Select(target =>
        {
            var (low, high) = (-1.0, 1.0);
            for (var i = 0; i < 80; i++)
            {
                var middle = (low + high) / 2;
                (low, high) = (middle / (1 + middle * middle) + Math.Atan(middle)) / 2 < target ? (middle, high) : (low, middle);
            }
            return low;
        }).ToArray();
        combination.Max(Math.Abs).Should().BeLessThan((0.5 + Math.PI / 4) / 2);
        LinearModels.ArctanResidual(X, beta).Should().BeLessThan(1e-12);
        LinearModels.LeastNormResidual(X, beta).Should().BeGreaterThan(1e-4);
    }
}

using Microsoft.ML;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Gradient flow of the diagonal linear DEQ from w = 0, u = 0: gradient descent of all rows at a small rate.</summary>
/// <param name="Network">Where it ended; null where it diverged.</param>
/// <param name="Loss">The mean squared error over the rows there.</param>
internal sealed record DiagonalFlow(DeqNetwork? Network, double Loss)
{
    /// <summary>Rate times steps. The rows of all seeds are fitted by then.</summary>
    private const float Time = 100;

    public static DiagonalFlow Run(LinearTask task, float[][] x, float rate) => Seeds.Try(() => Descend(task, x, rate), new DiagonalFlow(null, double.NaN));

    private static DiagonalFlow Descend(LinearTask task, float[][] x, float rate)
    {
        var ml = new MLContext();
        var model = ml.Regression.Trainers.Deq(new DeqRegressionTrainer.Options
        {
            Cell = DeqCell.DiagonalLinear,
            WellPosedness = WellPosedness.None,
            Engine = Engine.Direct,
            Threads = 1,
            Optimizer = new Sgd(),
            LearningRate = rate,
            BatchSize = x.Length,
            Shuffle = false,
            Epochs = (int)Math.Round(Time / rate),
            NormalizeFeatures = false,
            NormalizeLabel = false,
        }).Fit(task.Data(ml, x)).Model;
        return new DiagonalFlow((DeqNetwork)model.Network, model.History.Epochs[^1].TrainingLoss);
    }

    /// <summary>beta = u / (1 - w).</summary>
    public double[] Beta => Network?.LinearCoefficients() ?? [.. Enumerable.Repeat(double.NaN, LinearTask.Features)];

    /// <summary>The largest change of u^2 + (1 - w)^2, which is 1 at the start and which the flow conserves feature by feature.</summary>
    public double Drift => Network is not { } network ? double.NaN : Enumerable.Range(0, network.StateSize).Max(i =>
    {
        double u = network.U.Span[i * (network.StateSize + 1)], w = network.W.Span[i * (network.StateSize + 1)];
        return Math.Abs(u * u + (1 - w) * (1 - w) - 1);
    });
}

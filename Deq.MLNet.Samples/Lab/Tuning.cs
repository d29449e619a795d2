using System.Globalization;

namespace Deq.MLNet.Samples.Lab;

/// <summary>The choice of a learning rate, the same in all experiments.</summary>
internal static class Tuning
{
    /// <summary>All that may be chosen: powers of ten, and three times those.</summary>
    private static readonly float[] Rates = [1e-4f, 3e-4f, 1e-3f, 3e-3f, 1e-2f, 3e-2f, 1e-1f, 3e-1f, 1];

    /// <summary>The index of the lower of the two rates that are tried first.</summary>
    private const int First = 3;

    /// <summary>None of them is a seed of a test. One alone may fail at a rate that suits others, or do well at one that does not.</summary>
    private static readonly int[] TuningSeeds = [2_000, 2_001, 2_002];

    /// <summary>How it is done, in a sentence.</summary>
    public static string HowItIsDone { get; } = string.Create(CultureInfo.InvariantCulture, $"Learning rates are chosen for each network and target by the mean error over validation points and the seeds {string.Join(", ", TuningSeeds)}, which no test uses: the better of {Rates[First]} and {Rates[First + 1]}, and from there on by factors of about 3, up or down, as long as that error falls, at most to {Rates[^1]} or {Rates[0]}. What trainings took is told without these.");

    /// <summary>
    /// The rate of the least mean loss over the tuning seeds, found from the middle outwards. One seed that fails tells against a rate, however well others do at it. A training that diverges is the worst.
    /// Of rates whose losses are exact and alike the least is taken: the larger are nearer to where trainings fail.
    /// </summary>
    /// <param name="loss">The validation loss of a training at a rate from a seed; NaN where it diverged.</param>
    public static float Choose(Func<float, int, double> loss)
    {
        var first = Losses(First, 2);
        var (best, least, step) = first[1] < first[0] ? (First + 1, first[1], 1) : (First, first[0], -1);
        while (least > Comparison.Exact && best + step >= 0 && best + step < Rates.Length && Losses(best + step, 1)[0] is var next && next < least)
            (best, least) = (best + step, next);
        return Rates[best];

        double[] Losses(int from, int count) =>
        [
            .. Seeds.ForEach(0, count * TuningSeeds.Length, i => loss(Rates[from + i / TuningSeeds.Length], TuningSeeds[i % TuningSeeds.Length])).Chunk(TuningSeeds.Length)
                .Select(Statistics.Mean).Select(mean => double.IsNaN(mean) ? double.PositiveInfinity : Math.Max(Comparison.Exact, mean)),
        ];
    }
}

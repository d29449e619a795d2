using System.Globalization;

namespace Deq.MLNet.Samples.Lab;

/// <summary>What several pages have to say of the trainings that they compare.</summary>
internal static class Remarks
{
    /// <summary>What a win of a triangular DEQ is about.</summary>
    public const string Depth = "A strictly triangular DEQ of m states is a deep network, of m layers of one unit each with connections that skip layers. Where the restricted regime bounds depth, it bounds the FNN's alone, and a DEQ that is ahead there is ahead by depth.";

    /// <summary>Which seeds were run, and how learning rates are chosen.</summary>
    /// <param name="first">The first seed of the test.</param>
    /// <param name="count">How many.</param>
    /// <param name="isTuned">Whether learning rates are chosen.</param>
    public static string Seeds(int first, int count, bool isTuned = true) =>
        $"Seeds {Lab.Seeds.Told(first, count)}, each of rows and weights; none is left out.{(isTuned ? $" {Tuning.HowItIsDone}" : "")}";

    /// <summary>What the networks of a regime spent, which is not equal to the last FLOP.</summary>
    public static string Spent(string regime, IEnumerable<Series> series)
    {
        var all = series.Where(s => s.Regime == regime).ToLookup(s => s.IsDeq, s => s.Outcomes.Average(outcome => outcome.Flops) / 1e9);
        return all[true].Any() && all[false].Any() ? string.Create(CultureInfo.InvariantCulture, $"{regime}: DEQ {Range(all[true])} GFLOPs, FNN {Range(all[false])}") : "";
    }

    /// <summary>How many iterations dense cells took, beside those that they are counted as.</summary>
    public static string Iterations(IEnumerable<Series> series)
    {
        var taken = series.Where(s => s.Size is DeqSize { IsTriangular: false, States: 10 } && s.Regime == "plain").Select(s => s.Iterations);
        return string.Create(CultureInfo.InvariantCulture, $"A dense cell is counted as {Flops.Iterations} iterations a row; in the last epoch of plain training it took {Range(taken)} a batch, median over seeds.");
    }

    /// <summary>The least and the largest.</summary>
    public static string Range(IEnumerable<double> values)
    {
        var (least, largest) = (values.Min(), values.Max());
        return FormattableString.Invariant(largest < 1.005 * least ? $"{largest:G3}" : (FormattableString)$"{least:G3} to {largest:G3}");
    }
}

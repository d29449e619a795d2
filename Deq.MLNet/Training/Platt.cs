namespace Deq.MLNet.Training;

/// <summary>
/// Fits Platt's two numbers on the scores of rows that did not train the network: the least log-loss, in float64, by Newton's method with backtracking, for targets that lie
/// a little inside 0 and 1, so that rows which the score separates have a finite answer. Source: Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector
/// machines", Machine Learning 68, 2007. ML.NET's own trainer of these numbers rounds to float32, in which a probability near 1 is 1, and draws a sample from a million rows on.
/// </summary>
internal static class Platt
{
    private const int MostSteps = 100;
    private const int RowsBetweenChecks = 4096;

    /// <summary>Fits the two numbers; null where no row has a finite score.</summary>
    public static PlattCalibration? Fit(Network network, TrainingData rows, ITrainingMonitor monitor)
    {
        var scores = Scores(network, rows, monitor);
        var usable = Enumerable.Range(0, scores.Length).Where(row => float.IsFinite(scores[row])).ToArray();
        if (usable.Length < scores.Length)
        {
            monitor.Warn($"{scores.Length - usable.Length} of {scores.Length} validation rows have no finite score; the calibration leaves them out. Set WellPosedness to Spectral, or look for huge feature values in these rows.");
            (scores, rows) = ([.. usable.Select(row => scores[row])], rows.Select(usable));
        }
        return scores.Length == 0 ? null : Fit(scores, rows);
    }

    private static PlattCalibration Fit(float[] found, TrainingData rows)
    {
        var (scores, center, unit) = Standardise(found);
        var targets = Targets(rows, out var prior);
        var (slope, offset) = (0.0, prior);
        var loss = Loss(scores, targets, rows, slope, offset);
        for (var step = 0; step < MostSteps; step++)
        {
            var (bySlope, byOffset, falls) = NewtonStep(scores, targets, rows, slope, offset);
            // What a whole step would gain, against all that there is.
            if (falls <= 1e-14 * loss)
            {
                break;
            }
            var (length, next) = (1.0, 0.0);
            while ((next = Loss(scores, targets, rows, slope + length * bySlope, offset + length * byOffset)) > loss - 1e-4 * length * falls && length > 1e-10)
            {
                length /= 2;
            }
            if (next >= loss)
            {
                break;
            }
            (slope, offset, loss) = (slope + length * bySlope, offset + length * byOffset, next);
        }
        return new PlattCalibration(slope / unit, offset - slope * center / unit);
    }

    /// <summary>Brings scores to within -1 and 1, so that slope and offset are of one size and hardly depend on each other.</summary>
    private static (double[] Scores, double Center, double Unit) Standardise(float[] scores)
    {
        var center = scores.Average(s => (double)s);
        var unit = scores.Max(s => Math.Abs(s - center)) is > 0 and var widest ? widest : 1;
        return ([.. scores.Select(s => (s - center) / unit)], center, unit);
    }

    private static float[] Scores(Network network, TrainingData rows, ITrainingMonitor monitor)
    {
        var scores = new float[rows.Rows];
        for (var start = 0; start < scores.Length; start += RowsBetweenChecks)
        {
            monitor.CheckCancelled();
            try
            {
                Parallel.For(start, Math.Min(start + RowsBetweenChecks, scores.Length), () => new float[network.ScratchSize], (row, _, scratch) =>
                {
                    network.EvaluateAffine(rows.Row(row).Span, scratch, scores.AsSpan(row, 1));
                    return scratch;
                }, _ => { });
            }
            catch (AggregateException several) when (several.InnerExceptions[0] is DivergenceException one)
            {
                // Where OnNonConvergence is Throw; as one row alone would throw.
                throw new DivergenceException(one.Message, several);
            }
        }
        return scores;
    }

    /// <summary>What each class is to be predicted as, and the log-odds of true without any score.</summary>
    private static (double OfFalse, double OfTrue) Targets(TrainingData rows, out double prior)
    {
        double ofFalse = 0, ofTrue = 0;
        for (var row = 0; row < rows.Rows; row++)
        {
            _ = rows.Targets[row] > 0 ? ofTrue += rows.Weight(row) : ofFalse += rows.Weight(row);
        }
        // Platt counts rows: a weight is how many its row stands for, in units of the mean.
        var mean = (ofFalse + ofTrue) / rows.Rows;
        (ofFalse, ofTrue) = (ofFalse / mean, ofTrue / mean);
        prior = Math.Log((ofTrue + 1) / (ofFalse + 1));
        return (1 / (ofFalse + 2), (ofTrue + 1) / (ofTrue + 2));
    }

    private static double Loss(double[] scores, (double OfFalse, double OfTrue) targets, TrainingData rows, double slope, double offset)
    {
        double sum = 0;
        for (var row = 0; row < scores.Length; row++)
        {
            var logit = slope * scores[row] + offset;
            var target = rows.Targets[row] > 0 ? targets.OfTrue : targets.OfFalse;
            // -target log p - (1 - target) log(1 - p), without overflow.
            sum += rows.Weight(row) * (Math.Max(logit, 0) - target * logit + double.LogP1(Math.Exp(-Math.Abs(logit))));
        }
        return sum;
    }

    /// <summary>The step, and by how much the loss falls with its length at first.</summary>
    private static (double BySlope, double ByOffset, double Falls) NewtonStep(double[] scores, (double OfFalse, double OfTrue) targets, TrainingData rows, double slope, double offset)
    {
        double gs = 0, go = 0, hss = 0, hso = 0, hoo = 0;
        for (var row = 0; row < scores.Length; row++)
        {
            var (score, weight) = (scores[row], rows.Weight(row));
            var p = 1 / (1 + Math.Exp(-(slope * score + offset)));
            var first = weight * (p - (rows.Targets[row] > 0 ? targets.OfTrue : targets.OfFalse));
            var second = weight * p * (1 - p);
            (gs, go) = (gs + first * score, go + first);
            (hss, hso, hoo) = (hss + second * score * score, hso + second * score, hoo + second);
        }
        // Where all scores are the same, the slope is of no effect; this leaves it where it is.
        hss += 1e-12 * hoo;
        var determinant = hss * hoo - hso * hso;
        var (bySlope, byOffset) = ((hso * go - hoo * gs) / determinant, (hso * gs - hss * go) / determinant);
        return (bySlope, byOffset, -(gs * bySlope + go * byOffset));
    }
}

using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>How large weights become when they learn a steep ramp, and how small they can be held.</summary>
internal sealed class WeightsExperiment : IExperiment
{
    private const int FirstSeed = 100, Width = 10;

    /// <summary>What counts as learnt: the mean squared error over validation points, half of which lie near 0, where the best constant has about 1/4.</summary>
    private const double Learnt = 1e-4;

    private static readonly FnnSize[] Fnns = [FnnSize.Of(Width, 1), FnnSize.Of(Width, 2), FnnSize.Of(Width, 3)];

    private static readonly Size[] Free = [DeqSize.Triangular(Width), .. Fnns];

    public string Name => "weights";

    public string Title => "The size of weights that a steep function needs";

    public void Run(LabSettings settings, Report report)
    {
        var seeds = settings.SeedsOr(full: 3, quick: 1);
        int[] halvings = settings.Quick ? [6, 20] : [6, 8, 10, 12, 14, 16, 18, 20];
        float[] bounds = settings.Quick ? [4, 256] : [.. Enumerable.Range(0, 12).Select(i => (float)(1 << i))];
        var plain = new GradientRecipe("plain", settings.Quick ? 30 : 300, RowCount: 2048) { FixedRate = settings.Quick ? 3e-2f : null };
        var steps = new GrowthRecipe(settings.Quick ? 64 : 512, settings.Quick ? 4 : 8);
        Growth[] plans = [.. Free.Select(size => Growth.Steeper(size, halvings[^1]))];
        Growth[] boundedPlans = [Growth.Steeper(ramp => DeqSize.Timescales(Width, ramp.Delta), halvings[^1]), .. plans];
        double flops = plans.Max(steps.FlopsOf), boundedFlops = boundedPlans.Max(steps.FlopsOf);
        var runs = Series.Together(Trainings());

        report.Text($"The target is the ramp of the experiment `steep`, with delta = 2^-d. The largest weight is over all weights but biases, the largest row sum over the rows of every layer; a cell's W and U are layers of their own. Learnt is what has a median error of at most {Learnt} over validation points, half of which lie anywhere and half near 0; the test error is near 0 alone. How far below networks end differs and stands in the table: a training is not stopped there. {Remarks.Seeds(FirstSeed, seeds, isTuned: !settings.Quick)}");
        report.Text($"- **plain**: {plain.Effort}.\n- **equal effort**: {steps.Effort}; stages of delta = 2^-2, 2^-4, ...; nothing holds the weights. Each network grows anew until it has spent the FLOPs of the dearest, an FNN at least those and a DEQ at most; of its growths the best of each stage by training loss counts.\n"
            + $"- **restricted**: each network of {Width} states, or of layers of {Width}, grows for each bound of {string.Join(", ", bounds)} on the row sums of its layers and on its biases, as often as those FLOPs allow that the dearest of these spends on one growth; told is the smallest with which it learns the ramp. The bound does not reach W of a DEQ: its row sums stay below 1 - delta / 2, which the rule is told (timescales), or are free (triangular). W counts among the weights that are told.");
        report.Text($"An FNN of L hidden layers of k units that has the slope 1 / delta has a weight of at least (delta k^L)^(-1/(L+1)), and a row sum of at least delta^(-1/(L+1)): dashed.");
        SeriesTable.Add(report, "runs", "All trainings, and sizes of weights as medians over seeds", runs,
        [
            ("learnt", s => IsLearnt(s) ? "yes" : "no"), ("bound", s => s.Bound),
            ("largest weight", s => Statistics.Median(Largest(s))), ("lower bound of the largest weight", s => s.IsDeq ? null : WeightBound(s)),
            ("largest row sum", s => Statistics.Median(LargestRowSum(s))), ("lower bound of the largest row sum", s => s.IsDeq ? null : RowSumBound(s)),
        ]);
        CurvePicture.Draw([.. Regime.Names.Select(regime => Panel(regime, "largest weight", runs, Largest, WeightBound)), .. Regime.Names.Select(regime => Panel(regime, "largest row sum", runs, LargestRowSum, RowSumBound))],
            report.PictureFile("sizes", $"Sizes of weights by d of delta = 2^-d, median and quartiles over seeds, of networks that have learnt the ramp; a line is broken where they have not, and lower bounds for FNNs are dashed. Compare the paper's Figure 4."), columns: Regime.Names.Length, legend: Alignment.UpperLeft);
        Judge(report, runs);

        IEnumerable<Func<IEnumerable<Series>>> Trainings()
        {
            foreach (var d in halvings)
                foreach (var size in Free)
                    yield return () => [plain.Run(size, new Ramp(d), FirstSeed, seeds)];
            foreach (var plan in plans)
                yield return () => steps.Run("equal effort", plan, Ramps(halvings), FirstSeed, seeds, flops);
            foreach (var plan in boundedPlans)
                yield return () => Least(plan, steps, boundedFlops, bounds, seeds, halvings);
        }
    }

    /// <summary>For each delta the network of the smallest bound that it learns with; where it does with none, that of the largest.</summary>
    private static Series[] Least(Growth plan, GrowthRecipe steps, double flops, float[] bounds, int seeds, int[] halvings)
    {
        var least = new Series?[halvings.Length];
        foreach (var bound in bounds.TakeWhile(_ => !least.All(s => s is not null && IsLearnt(s))))
        {
            var runs = (steps with { MaxWeightNorm = bound }).Run("restricted", plan, Ramps(halvings), FirstSeed, seeds, flops);
            for (var d = 0; d < least.Length; d++)
                least[d] = least[d] is { } found && IsLearnt(found) ? found : runs[d] with { Bound = bound };
        }
        return least!;
    }

    private static IEnumerable<Ramp> Ramps(int[] halvings) => halvings.Select(d => new Ramp(d));

    private static bool IsLearnt(Series s) => s.Validation <= Learnt;

    private static IEnumerable<double> Largest(Series s) => s.Outcomes.Select(o => Weights.Largest(o.Fitted.Network));

    private static IEnumerable<double> LargestRowSum(Series s) => s.Outcomes.Select(o => Weights.LargestRowSum(o.Fitted.Network));

    private static double WeightBound(Series s) => FnnBounds.Weight(((Ramp)s.Target).Delta, Width, s.Depth);

    private static double RowSumBound(Series s) => Math.Pow(((Ramp)s.Target).Delta, -1.0 / (s.Depth + 1));

    private static CurvePanel Panel(string regime, string yLabel, List<Series> runs, Func<Series, IEnumerable<double>> sizes, Func<Series, double> bound)
    {
        var curves = new List<Curve>();
        foreach (var model in runs.Where(s => s.Regime == regime).GroupBy(s => s.Model))
        {
            curves.AddRange(LearntStretches(model).Select((stretch, i) => new Curve(i == 0 ? model.Key : "", [.. stretch.Select(D)], At(stretch, 0.5), At(stretch, 0.25), At(stretch, 0.75), ColorOf: model.Key)));
            if (!model.First().IsDeq)
                curves.Add(new Curve($"bound, {model.Key}", [.. model.Select(D)], [.. model.Select(bound)], Dashed: true, ColorOf: model.Key));
        }
        return new CurvePanel(regime, "d of delta = 2^-d", yLabel, curves);

        double[] At(List<Series> stretch, double share) => [.. stretch.Select(s => Statistics.Quantile(sizes(s), share))];

        static double D(Series s) => ((Ramp)s.Target).Halvings;
    }

    /// <summary>What was learnt of a list, cut where something between was not.</summary>
    private static IEnumerable<List<Series>> LearntStretches(IEnumerable<Series> all)
    {
        var stretch = new List<Series>();
        foreach (var s in all)
        {
            if (IsLearnt(s))
            {
                stretch.Add(s);
            }
            else if (stretch.Count > 0)
            {
                yield return stretch;
                stretch = [];
            }
        }
        if (stretch.Count > 0)
            yield return stretch;
    }

    private static void Judge(Report report, List<Series> runs)
    {
        report.Text("Of the networks that have learnt delta = 2^-20 the DEQ and the FNN of the smallest weights are compared, by their largest weights; where only one kind has, it is ahead. " + Comparison.HowItIsJudged);
        foreach (var regime in Regime.Names)
        {
            var last = runs.Where(s => s.Regime == regime && s.Target == new Ramp(20) && IsLearnt(s)).ToList();
            var (deq, fnn) = (last.Where(s => s.IsDeq).MinBy(Size), last.Where(s => !s.IsDeq).MinBy(Size));
            var ratio = deq is not null && fnn is not null ? Size(fnn) / Size(deq) : double.NaN;
            var because = $"{Told(deq, "DEQ")}; {Told(fnn, $"FNN of up to {Fnns.Length} layers of {Width}")}; medians with quartiles over {Seeds.Counted(runs[0].Outcomes.Count)}";
            report.Verdict("Figure 4: largest weight at delta = 2^-20", regime, (deq, fnn) switch
            {
                (null, null) => "neither learns it",
                (null, _) => "DEQ loses",
                (_, null) => "DEQ wins",
                _ => new Comparison([.. Largest(deq)], [.. Largest(fnn)]).Verdict,
            }, because);
            if (regime != "restricted")
                continue;
            report.Figure("weights_ratio_d20", ratio);
            report.Claim("A bounded-depth FNN needs large weights to be steep, a DEQ does not. Asked here: does training find a DEQ of less than half the largest weight at delta 2^-20?", ratio > 2 || deq is not null && fnn is null ? "yes" : "no", because);
        }

        static double Size(Series s) => Statistics.Median(Largest(s));

        static string Told(Series? s, string kind) => s is null ? $"no {kind} learnt it" : FormattableString.Invariant($"{Comparison.Describe([.. Largest(s)])} of {s.Model} at an error of {s.Median:G2}");
    }
}

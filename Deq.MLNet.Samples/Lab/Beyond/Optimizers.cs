using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Whether it is the optimizer that makes a DEQ fail where nothing leads it: three of them straight at 2^5 pieces.</summary>
internal static class Optimizers
{
    private static readonly Sawtooth Target = new(5);

    /// <summary>Networks that spend the same: small ones, and some whose rows cost what those of a dense DEQ of 10 states cost.</summary>
    /// <param name="Name">What verdicts call them.</param>
    /// <param name="Budget">FLOPs of a training.</param>
    /// <param name="Sizes">The networks.</param>
    private sealed record Group(string Name, double Budget, Size[] Sizes)
    {
        public string Told => FormattableString.Invariant($"{Name} networks, {Budget / 1e9:G3} GFLOPs");
    }

    /// <summary>The training rows that each method can pay for.</summary>
    private sealed record RowCounts(int Adam, int LBfgs, int LevenbergMarquardt);

    public static void Run(Report report, bool quick, int seeds)
    {
        RowCounts rows = quick ? new(256, 256, 256) : new(4096, 1024, 512);
        Group[] groups =
        [
            new("small", quick ? 1e8 : 4e9, [DeqSize.Triangular(10), FnnSize.Of(4, 5)]),
            new("FLOP-matched", quick ? 1e9 : 6.5e10, [DeqSize.Triangular(64), .. quick ? [] : (Size[])[FnnSize.Of(32, 3)], FnnSize.Of(23, 5), .. quick ? [] : (Size[])[FnnSize.Of(17, 8)]]),
        ];
        var runs = groups.Select(group => (Group: group, Series: Series.Together(group.Sizes.Select<Size, Func<IEnumerable<Series>>>(size => () => Train(size, group.Budget, rows, seeds))))).ToList();

        report.Text($"## Optimizers\nAdam, L-BFGS and Levenberg and Marquardt's method, each straight at the sawtooth of 2^5 pieces, from kinks at the rows. Of each network the trainings by the three cost about the same FLOPs, and so do those of each group: {string.Join("; ", groups.Select(group => group.Told))}. "
            + $"Adam has {rows.Adam} rows, L-BFGS {rows.LBfgs} and Levenberg and Marquardt's method {rows.LevenbergMarquardt}{(quick ? "" : ": with as many as Adam the second would have a quarter of its steps, and the third, which costs rows x weights x the lesser of them a step, two steps with the larger networks")}. Adam takes 256 rows a step, cosine schedule, the learning rate chosen as in the other experiments; the other two have no rate and were not tuned. "
            + $"A step of L-BFGS is counted as {Flops.TrialsOfALineSearch} evaluations of the loss and its gradient, as its line search has taken 1.1 to 1.4. A training by one of these two that is at rest is followed by another from other rows and weights until the FLOPs are spent, and the best by training loss counts.");
        SeriesTable.Add(report, "optimizers", "Optimizers at 2^5 pieces", [.. runs.SelectMany(run => run.Series)]);
        CurvePicture.Draw([.. runs.SelectMany(run => run.Series.GroupBy(s => s.Regime).Select(regime => SeriesPanels.Losses($"{run.Group.Name} networks, {regime.Key}", regime.First().LearningRate is null ? "step" : "epoch", regime)))],
            report.PictureFile("optimizers", "Training loss at 2^5 pieces of the best DEQ and the best FNN by each optimizer, at about the same FLOPs; median and quartiles over seeds."), columns: 3, legend: Alignment.LowerLeft);
        foreach (var (group, series) in runs)
        {
            foreach (var regime in series.GroupBy(s => s.Regime))
                Contest.Of(regime).Tell(report, $"Optimizers: 2^5 pieces, {group.Told}");
            Contest.Of(series).Ask(report, FormattableString.Invariant($"Is Adam the reason that a DEQ which nothing leads is behind at 2^5 pieces? Asked here: is the best {group.Name} DEQ ahead, where each has the best of three optimizers and {group.Budget / 1e9:G3} GFLOPs?"));
        }
    }

    private static IEnumerable<Series> Train(Size size, double budget, RowCounts rows, int seeds)
    {
        var epoch = Flops.Gradient(size.Forward(Target.Inputs), rows.Adam, steps: 1);
        yield return new GradientRecipe("plain, Adam", (int)(budget / epoch), rows.Adam).Run(size, Target, BeyondExperiment.FirstSeed, seeds);
        yield return new FullBatchRecipe("plain, L-BFGS", new LBfgs(), rows.LBfgs, budget).Run(size, Target, BeyondExperiment.FirstSeed, seeds);
        yield return new FullBatchRecipe("plain, Levenberg-Marquardt", new LevenbergMarquardt(), rows.LevenbergMarquardt, budget).Run(size, Target, BeyondExperiment.FirstSeed, seeds);
    }
}

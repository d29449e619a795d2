using System.Globalization;
using System.Text;

namespace Deq.MLNet.Samples.Lab;

/// <summary>The page that leads to the experiments' pages: verdicts, claims, pictures.</summary>
internal static class IndexPage
{
    private const string Introduction = """
        # The laboratory
        What a deep equilibrium network (DEQ) can express that a feed-forward network (FNN) cannot, and what training finds of it: experiments after Wu, Zhang, Fang, Lin, "Separation and Bias of Deep Equilibrium Models on Expressivity
        and Learning Dynamics", NeurIPS 2024. Of the paper only the abstract and the captions of its figures were at hand. No number here is the paper's; constructions and bounds were derived for this project and checked numerically,
        and targets, tasks and sizes that had to be guessed are called stand-ins. The experiment `beyond` asks what the others leave open.

        `dotnet run -c Release --project Deq.MLNet.Samples -- lab all --out docs/lab` makes this page, and beside it in the folder a page, tables (CSV) and pictures for each experiment; the name of one instead of `all` runs it alone, `--quick` smaller, `--seeds 20` with so many seeds. All of them take just under an hour on two processors, three minutes with `--quick`.

        Each comparison is made in three regimes, the same for both networks. **Plain**: Adam from kinks at the training rows (`Initialization.Kink`), the learning rate of each chosen on validation data, by three seeds that no test uses. **Equal effort**: the same optimizer (Levenberg and Marquardt's method), starts,
        curriculum and cost; networks that grow begin from such kinks too, units that are added read the output (`Initialization.Cascade`), and where none are added candidates are the network so far with noise of a tenth. **Restricted**: the depth of the FNN, or the weights of both, are bounded. Every seed counts, none was dropped, and one whose training diverges counts as the worst; what is chosen (learning rates, the best network of a regime, bounds) is chosen by points that no test uses; of learning rates tried that come to less than 1e-6, which counts as exact, the least is taken. An experiment's page tells its seeds, sizes and effort, and where a regime does not apply.

        Networks are named so. **FNN 17x8**: 8 hidden layers of 17 units; FNN 8-4-4: layers of 8, 4 and 4. **DEQ 10**: a strictly triangular W of 10 states (in `boolean` and `features` a dense one), which is solved by one substitution: a deep network of one unit a layer with connections that skip layers. **DEQ spectral**, **monotone**:
        a dense W whose 2-norm, or whose symmetric part, is bounded. **DEQ timescales**: a dense W of bounded row sums that starts from states of many speeds. **Grown**, **reading y**, **reading units**: grown by Levenberg and Marquardt's method, new units reading the output, or the units before them. GOTU is the error on a part of
        the data that training never sees; a participation counts features that matter; KKT residuals tell how far a solution is from the least of what it should minimise; A1 to B2 are the constructions of the first page.

        """;

    /// <summary>Writes it beside the folder, under the folder's name.</summary>
    /// <param name="folder">Where the experiments' pages are.</param>
    /// <param name="experiments">Their names, in order; those that have not run yet are named.</param>
    public static void Write(OutputFolder folder, IEnumerable<string> experiments)
    {
        var path = folder.ToString().TrimEnd(Path.DirectorySeparatorChar);
        // A folder's name may have spaces.
        var link = Uri.EscapeDataString(Path.GetFileName(path));
        var summaries = experiments.Select(name => Summary.Read(folder, name)).OfType<Summary>().ToList();
        var page = new StringBuilder(Introduction);
        page.Append(CultureInfo.InvariantCulture, $"\n## Who is ahead\n{Comparison.HowItIsJudged} What is in italics is another view of a contest above it, and is not counted:\n\n{Counted([.. summaries.SelectMany(summary => summary.Verdicts)])}\n\n").Append(Markdown.Verdicts(summaries.SelectMany(summary => summary.Verdicts)));
        page.Append("\n\n## Claims of the paper, and questions of our own\n**Stand-in**: put to stand-ins of the paper's targets, tasks and sizes; **our own**: to targets and questions of our own.\n\n").Append(Markdown.Claims(summaries.SelectMany(summary => summary.Claims))).Append('\n');
        page.Append("\n## Figures and aims\nAn aim was set before the experiments ran; the other figures are told as they are. Ratios are of median errors as they are, though below 1e-6 these tell little but rounding.\n\n").Append(Aim.Table(summaries.SelectMany(summary => summary.Figures))).Append('\n');
        if (experiments.Except(summaries.Select(summary => summary.Name)).ToList() is { Count: > 0 } missing)
            page.Append(CultureInfo.InvariantCulture, $"\nNot run here yet: {string.Join(", ", missing.Select(name => $"`{name}`"))}.\n");
        foreach (var summary in summaries)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {summary.Title}\n{summary.HowItRan} [Settings, tables and all numbers]({link}/{summary.Name}.md).\n");
            foreach (var picture in summary.Pictures)
                page.Append(CultureInfo.InvariantCulture, $"\n![{Markdown.Plain(picture.Caption)}]({link}/{picture.File})\n\n{picture.Caption}\n");
        }
        File.WriteAllText(path + ".md", page.ToString());
    }

    /// <summary>How often the DEQ is ahead in each regime; another view of the same contest does not count.</summary>
    private static string Counted(IReadOnlyList<Verdict> verdicts) => string.Join('\n', verdicts.Where(verdict => !verdict.IsVariant).GroupBy(verdict => verdict.Regime).Select(regime =>
        $"- {regime.Key}: {string.Join(", ", regime.GroupBy(verdict => verdict.Result).OrderBy(result => result.Key, StringComparer.Ordinal).Select(result => $"{result.Key} {result.Count()}"))}."));
}

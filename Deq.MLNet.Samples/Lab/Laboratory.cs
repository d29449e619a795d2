using System.Diagnostics;
using System.Globalization;

namespace Deq.MLNet.Samples.Lab;

/// <summary>The command: runs one experiment or all, and writes the index page of all that have run.</summary>
internal static class Laboratory
{
    public const string All = "all";

    private static readonly IExperiment[] Experiments =
    [
        new ConstructionsExperiment(),
        new SawtoothExperiment(),
        new SteepExperiment(),
        new WeightsExperiment(),
        new BooleanExperiment(),
        new FeaturesExperiment(),
        new FlopsExperiment(),
        new BeyondExperiment(),
    ];

    public static IEnumerable<string> Names => Experiments.Select(experiment => experiment.Name).Append(All);

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="quick">Whether the experiments run smaller.</param>
    /// <param name="seeds">How many seeds; 0: as many as each experiment takes by itself.</param>
    /// <param name="folder">Where pages, tables and pictures go. The index page stands beside it, under its name.</param>
    /// <returns>0 where all holds that must, else 1.</returns>
    public static int Run(string name, bool quick, int seeds, string folder)
    {
        var settings = new LabSettings(quick, seeds, new OutputFolder(folder));
        var reports = Experiments.Where(experiment => name is All || experiment.Name == name).Select(experiment => Run(experiment, settings)).ToList();
        // Of an experiment that stopped the index has what it told when it last ran to its end.
        IndexPage.Write(settings.Out, Experiments.Select(experiment => experiment.Name));
        Console.WriteLine($"Pages, tables and pictures are in {settings.Out}, the index page is beside it.");
        reports.ForEach(report => report.PrintFigures());
        var failures = reports.SelectMany(report => report.Failures).ToList();
        failures.ForEach(failure => Console.Error.WriteLine($"Failed: {failure}."));
        return failures.Count == 0 ? 0 : 1;
    }

    private static Report Run(IExperiment experiment, LabSettings settings)
    {
        Console.WriteLine($"{experiment.Name}: {experiment.Title}");
        var report = new Report(experiment, settings.Out);
        var watch = Stopwatch.StartNew();
        try
        {
            experiment.Run(settings, report);
        }
        catch (Exception error)
        {
            // One experiment that stops must not take the others' pages with it.
            Console.Error.WriteLine(error);
            report.Require(false, $"{experiment.Name} stopped: {error.Message}");
            return report;
        }
        report.Save(string.Create(CultureInfo.InvariantCulture, $"`lab {experiment.Name}{(settings.Quick ? " --quick" : "")}{(settings.Seeds > 0 ? $" --seeds {settings.Seeds}" : "")}`: {watch.Elapsed.TotalSeconds:F0} s on {Machine.Describe()}, {DateTime.UtcNow:yyyy-MM-dd}.{(settings.Quick || settings.Seeds is 1 or 2 ? " A small run, whose verdicts mean little." : "")}"));
        return report;
    }
}

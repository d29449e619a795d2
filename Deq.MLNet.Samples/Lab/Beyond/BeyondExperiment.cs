namespace Deq.MLNet.Samples.Lab;

/// <summary>Questions that the other experiments leave open.</summary>
internal sealed class BeyondExperiment : IExperiment
{
    /// <summary>Other seeds than those of the experiments that have some of these targets too.</summary>
    public const int FirstSeed = 700;

    public string Name => "beyond";

    public string? Label => "our own";

    public string Title => "Beyond: other optimizers, monotone cells, growth without intermediate targets, two variables";

    public void Run(LabSettings settings, Report report)
    {
        var seeds = settings.SeedsOr(full: 5, quick: 1);
        report.Text($"Four questions that the other experiments leave open. {Remarks.Seeds(FirstSeed, seeds)} {Remarks.Depth}");
        Optimizers.Run(report, settings.Quick, seeds);
        Cells.Run(report, settings.Quick, seeds);
        Curricula.Run(report, settings.Quick, seeds);
        Planes.Run(report, settings.Quick, seeds);
        report.Text(Contest.HowItIsJudged);
    }
}

using Deq.MLNet.Samples;
using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class ReportTests
{
    private sealed class Experiment(bool isStandIn) : IExperiment
    {
        public string Name => "some";

        public string Title => "Something";

        public bool IsStandIn => isStandIn;

        public void Run(LabSettings settings, Report report)
        {
            report.PictureFile("curve", "Errors by depth.");
            report.Verdict("Figure 9", "plain", "tie", "1 and 1");
            report.Figure("regions_m12", 4096);
            report.Figure("capped_ramp_ratio", 3);
            report.Figure("weights_ratio_d20", double.NaN);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pictures_and_verdicts_of_stand_ins_are_labelled(bool isStandIn)
    {
        var summary = Run(isStandIn, out _);
        summary.Pictures.Single().Caption.Should().Be(isStandIn ? "Errors by depth (stand-in)." : "Errors by depth.");
        summary.Verdicts.Single().Figure.Should().Be(isStandIn ? "Figure 9 (stand-in)" : "Figure 9");
    }

    [Fact]
    public void The_index_tells_figures_with_their_aims()
    {
        Run(isStandIn: true, out var folder);
        IndexPage.Write(folder, ["some", "another that has not run"]);
        File.ReadAllLines(folder + ".md").Should().Contain("| `regions_m12` | 4096 | 4096 | yes |").And.Contain("| `capped_ramp_ratio` | 3 | at least 10 | **no** |").And.Contain("| `weights_ratio_d20` | none |  |  |");
    }

    /// <summary>Markdown ends the target of a link at a space.</summary>
    [Fact]
    public void Links_into_a_folder_whose_name_has_a_space_are_links()
    {
        Run(isStandIn: true, out var folder, "my lab");
        IndexPage.Write(folder, ["some"]);
        File.ReadAllText(folder + ".md").Should().Contain("](my%20lab/some.md)").And.Contain("](my%20lab/some-curve.png)").And.Contain("- plain: tie 1.");
    }

    private static Summary Run(bool isStandIn, out OutputFolder folder, string name = "lab")
    {
        folder = new OutputFolder(Path.Combine(Directory.CreateTempSubdirectory("deq").FullName, name));
        var experiment = new Experiment(isStandIn);
        var report = new Report(experiment, folder);
        experiment.Run(new LabSettings(Quick: true, Seeds: 1, folder), report);
        report.Save("It ran.");
        return Summary.Read(folder, "some")!;
    }
}

using Deq.MLNet.Samples;
using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class ReportTests
{
    private sealed class Experiment(string? label) : IExperiment
    {
        public string Name => "some";

        public string Title => "Something";

        public string? Label => label;

        public void Run(LabSettings settings, Report report)
        {
            report.PictureFile("curve", "Errors by depth.");
            report.Verdict("Figure 9", "plain", "tie", "1 and 1");
            report.Verdict("Figure 9, larger ones too", "plain", "tie", "1 and 1", isVariant: true);
            report.Claim("Who is deeper?", "no", "1 and 1");
            report.Table("runs", "Runs", ["network", "median"], [["DEQ, dense", 0.123456789]]);
            report.SeedBySeed("runs", ["network", "seed", "error"], [["DEQ, dense", 1, 0.1], ["DEQ, dense", 2, double.NaN]]);
            report.Figure("regions_m12", 4096);
            report.Figure("capped_ramp_ratio", 3);
            report.Figure("weights_ratio_d20", double.NaN);
        }
    }

    [Theory]
    [InlineData("stand-in", "(stand-in) ")]
    [InlineData(null, "")]
    public void Pictures_verdicts_and_claims_of_stand_ins_are_labelled(string? label, string told)
    {
        var summary = Run(label, out _);
        summary.Pictures.Single().Caption.Should().Be($"{told}Errors by depth.");
        summary.Verdicts[0].Figure.Should().Be($"{told}Figure 9");
        summary.Claims.Single().Statement.Should().Be($"{told}Who is deeper?");
    }

    [Fact]
    public void A_table_has_four_digits_and_its_CSV_all_and_seeds_have_a_CSV_of_their_own()
    {
        Run(null, out var folder);
        File.ReadAllText(folder["some.md"]).Should().Contain("| DEQ, dense | 0.1235 |").And.Contain("](some-runs.csv)").And.Contain("](some-runs-seeds.csv)");
        File.ReadAllLines(folder["some-runs.csv"]).Should().Equal("network,median", "\"DEQ, dense\",0.123456789");
        File.ReadAllLines(folder["some-runs-seeds.csv"]).Should().Equal("network,seed,error", "\"DEQ, dense\",1,0.1", "\"DEQ, dense\",2,NaN");
    }

    [Fact]
    public void The_index_tells_figures_with_their_aims()
    {
        Run("stand-in", out var folder);
        IndexPage.Write(folder, ["some", "another that has not run"]);
        File.ReadAllLines(folder + ".md").Should().Contain("| `regions_m12` | 4096 | 4096 | yes |").And.Contain("| `capped_ramp_ratio` | 3 | at least 10 | **no** |").And.Contain("| `weights_ratio_d20` | none |  |  |");
    }

    /// <summary>Markdown ends the target of a link at a space.</summary>
    [Fact]
    public void Links_into_a_folder_whose_name_has_a_space_are_links()
    {
        Run("stand-in", out var folder, "my lab");
        IndexPage.Write(folder, ["some"]);
        File.ReadAllText(folder + ".md").Should().Contain("](my%20lab/some.md)").And.Contain("](my%20lab/some-curve.png)");
    }

    [Fact]
    public void Another_view_of_a_contest_is_told_in_italics_and_not_counted()
    {
        Run("stand-in", out var folder);
        IndexPage.Write(folder, ["some"]);
        File.ReadAllText(folder + ".md").Should().Contain("- plain: tie 1.").And.Contain("| (stand-in) Figure 9 | plain").And.Contain("| *(stand-in) Figure 9, larger ones too* | plain");
    }

    private static Summary Run(string? label, out OutputFolder folder, string name = "lab")
    {
        folder = new OutputFolder(Path.Combine(Directory.CreateTempSubdirectory("deq").FullName, name));
        var experiment = new Experiment(label);
        var report = new Report(experiment, folder);
        experiment.Run(new LabSettings(Quick: true, Seeds: 1, folder), report);
        report.Save("It ran.");
        return Summary.Read(folder, "some")!;
    }
}

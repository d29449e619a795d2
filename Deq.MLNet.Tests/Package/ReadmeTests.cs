using System.Text.RegularExpressions;

namespace Deq.MLNet.Tests.Package;

public class ReadmeTests
{
    private static readonly string[] Blocks = BlocksOf("README.md");

    // Only the folder of the file differs.
    private static readonly string Run = Trimmed(Repository.Text("Deq.MLNet.Tests", "Package", "ReadmeExamples.cs").Replace("Path.Combine(_folder, \"houses.onnx\")", "\"houses.onnx\"", StringComparison.Ordinal));

    [Fact]
    public void The_readme_shows_the_very_program_that_a_stranger_runs() =>
        Blocks[0].Should().Be(Repository.Text("Deq.MLNet.Tests", "Package", "StrangerTrains", "Program.cs.txt"));

    [Fact]
    public void Every_other_example_of_the_readme_is_run_by_a_test()
    {
        Blocks.Should().HaveCount(5);
        foreach (var block in Blocks[1..])
        {
            Run.Should().Contain(Trimmed(block));
        }
    }

    [Fact]
    public void The_example_of_the_page_on_gpus_is_run_by_a_test() =>
        Run.Should().Contain(Trimmed(BlocksOf("docs", "gpu.md").Should().ContainSingle().Subject));

    [Fact]
    public void The_example_of_growth_is_run_by_a_test() =>
        Run.Should().Contain(Trimmed(BlocksOf("docs", "training.md").Should().ContainSingle().Subject));

    private static string[] BlocksOf(params string[] file) =>
        [.. Regex.Matches(Repository.Text(file), "```csharp\n(.*?)```\n", RegexOptions.Singleline).Select(m => m.Groups[1].Value)];

    private static string Trimmed(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim()));
}

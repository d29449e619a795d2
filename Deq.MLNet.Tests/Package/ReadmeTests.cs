namespace Deq.MLNet.Tests.Package;

public class ReadmeTests
{
    [Fact]
    public void The_readme_shows_the_very_program_that_a_stranger_runs()
    {
        Repository.Text("README.md").Should().Contain($"```csharp\n{Repository.Text("Deq.MLNet.Tests", "Package", "StrangerTrains", "Program.cs.txt")}```\n");
    }
}

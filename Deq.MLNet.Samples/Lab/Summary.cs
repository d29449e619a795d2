using System.Text.Json;
using System.Text.Json.Serialization;

namespace Deq.MLNet.Samples.Lab;

/// <summary>What the index page tells of an experiment. It lies as JSON beside the experiment's page, so that one experiment can run anew without the others.</summary>
internal sealed record Summary(string Name, string Title, string HowItRan, IReadOnlyList<Verdict> Verdicts, IReadOnlyList<Claim> Claims, IReadOnlyList<Picture> Pictures, IReadOnlyDictionary<string, double> Figures)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public void Write(OutputFolder folder) => File.WriteAllText(FileOf(folder, Name), JsonSerializer.Serialize(this, Json) + "\n");

    /// <summary>What an experiment told when it last ran, or null where it has not run yet.</summary>
    public static Summary? Read(OutputFolder folder, string name)
    {
        var file = FileOf(folder, name);
        return File.Exists(file) ? JsonSerializer.Deserialize<Summary>(File.ReadAllText(file), Json) : null;
    }

    private static string FileOf(OutputFolder folder, string name) => folder[$"{name}.json"];
}

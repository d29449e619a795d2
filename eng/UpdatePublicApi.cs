// Rewrites Deq.MLNet/PublicAPI.Unshipped.txt from what the public-API analyzer reports: dotnet run eng/UpdatePublicApi.cs
using System.Diagnostics;
using System.Text.Json;

var list = Path.Combine("Deq.MLNet", "PublicAPI.Unshipped.txt");
if (!File.Exists(list))
{
    Console.Error.WriteLine($"{list} was not found: run this at the repository's root.");
    return 1;
}
var symbols = new SortedSet<string>(StringComparer.Ordinal);
var report = Path.GetTempFileName();
int before;
do
{
    // The analyzer reports some symbols only once their type is listed.
    before = symbols.Count;
    File.WriteAllText(list, string.Concat(symbols.Prepend("#nullable enable").Select(line => line + "\n")));
    using var build = Process.Start("dotnet", ["build", "-c", "Release", "-v", "quiet", "--no-incremental", "-p:TreatWarningsAsErrors=false", $"-p:ErrorLog={report}%2cversion=2", "Deq.MLNet"]);
    build.WaitForExit();
    if (build.ExitCode != 0)
    {
        return build.ExitCode;
    }
    using var log = JsonDocument.Parse(File.ReadAllText(report));
    foreach (var result in log.RootElement.GetProperty("runs")[0].GetProperty("results").EnumerateArray().Where(r => r.GetProperty("ruleId").GetString() == "RS0016"))
    {
        symbols.Add(result.GetProperty("properties").GetProperty("customProperties").GetProperty("APIName").GetString()!);
    }
}
while (symbols.Count > before);
File.Delete(report);
Console.WriteLine($"{symbols.Count} public symbols");
return 0;

namespace Deq.MLNet.Samples;

/// <summary>The files beside the program; data/README.md tells of their columns and sources.</summary>
internal static class DataFile
{
    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "data", name);
}

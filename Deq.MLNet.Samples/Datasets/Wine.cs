using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples;

/// <summary>The wine data of Forina et al. (UCI): 178 wines, 13 chemical measurements, and from which of three cultivars they are.</summary>
internal static class Wine
{
    public static IDataView Load(MLContext ml) =>
        ml.Data.LoadFromTextFile<WineRow>(DataFile.Path("wine_data.csv"), separatorChar: ',', hasHeader: true);
}

/// <summary>One line of the file.</summary>
internal sealed class WineRow
{
    [LoadColumn(0, 12), VectorType(13)] public float[] Features { get; set; } = [];

    /// <summary>The cultivar, 0 to 2.</summary>
    [LoadColumn(13)] public uint Label { get; set; }
}

using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples;

/// <summary>The penguins of the Palmer Archipelago (Gorman, Williams, Fraser 2014): 344 of three species, with texts among the columns, and numbers and texts that were not taken.</summary>
internal static class Penguins
{
    public static readonly string[] Measurements = [nameof(Penguin.BeakLength), nameof(Penguin.BeakDepth), nameof(Penguin.FlipperLength), nameof(Penguin.BodyMass)];

    /// <summary>A number that is missing is NaN, a text is empty.</summary>
    public static IDataView Load(MLContext ml) => ml.Data.LoadFromTextFile<Penguin>(DataFile.Path("penguins.csv"),
        new TextLoader.Options { Separators = [','], HasHeader = true, MissingRealsAsNaNs = true });
}

/// <summary>One line of the file.</summary>
internal sealed class Penguin
{
    [LoadColumn(0)] public string Species { get; set; } = "";

    [LoadColumn(1)] public string Island { get; set; } = "";

    [LoadColumn(2)] public float BeakLength { get; set; }

    [LoadColumn(3)] public float BeakDepth { get; set; }

    [LoadColumn(4)] public float FlipperLength { get; set; }

    [LoadColumn(5)] public float BodyMass { get; set; }

    [LoadColumn(6)] public string Sex { get; set; } = "";
}

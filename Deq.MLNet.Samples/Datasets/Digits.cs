using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples;

/// <summary>The handwritten digits of Alpaydin and Kaynak (1998): 1,797 images of 8 x 8 pixels.</summary>
internal static class Digits
{
    public static IDataView Load(MLContext ml) => ml.Data.LoadFromTextFile<DigitImage>(DataFile.Path("digits.csv"), separatorChar: ',');
}

/// <summary>One line of the file.</summary>
internal sealed class DigitImage
{
    /// <summary>The pixels, row by row, 0 to 16.</summary>
    [LoadColumn(0, 63), VectorType(64)] public float[] Features { get; set; } = [];

    /// <summary>The digit, 0 to 9.</summary>
    [LoadColumn(64)] public uint Label { get; set; }
}

/// <summary>What a model reads in an image.</summary>
internal sealed class DigitReading
{
    public uint Digit { get; set; }

    /// <summary>The probability of each digit.</summary>
    public float[] Score { get; set; } = [];
}

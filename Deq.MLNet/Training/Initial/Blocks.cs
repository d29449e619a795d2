namespace Deq.MLNet.Training.Initial;

/// <summary>Matrices with a smaller one at their top left: how a network grows.</summary>
internal static class Blocks
{
    /// <summary>A fresh matrix whose top left is taken by an old one.</summary>
    /// <param name="fresh">Its rows below the old one stay.</param>
    /// <param name="columns">Of the fresh one.</param>
    /// <param name="old">Row-major.</param>
    /// <param name="oldColumns">Of the old one.</param>
    /// <param name="keepRight">Whether what is to the right of the old one stays too; else it is zero.</param>
    public static float[] Around(float[] fresh, int columns, ReadOnlySpan<float> old, int oldColumns, bool keepRight = false)
    {
        for (var row = 0; row < old.Length / Math.Max(1, oldColumns); row++)
        {
            var into = fresh.AsSpan(row * columns, columns);
            old.Slice(row * oldColumns, oldColumns).CopyTo(into);
            if (!keepRight)
            {
                into[oldColumns..].Clear();
            }
        }
        return fresh;
    }

    /// <summary>A fresh layer whose first units are those of an old one, and read what they read.</summary>
    public static DenseLayer Around(DenseLayer fresh, DenseLayer old, bool keepRight = false) => new(
        Around(fresh.Weights.ToArray(), fresh.InputSize, old.Weights.Span, old.InputSize, keepRight),
        Around(fresh.Bias.ToArray(), fresh.OutputSize, old.Bias.Span, old.OutputSize, keepRight: true));
}

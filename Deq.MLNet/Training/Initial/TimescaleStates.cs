namespace Deq.MLNet.Training.Initial;

/// <summary>States of a cell that settle at rates of many magnitudes.</summary>
internal static class TimescaleStates
{
    /// <summary>Writes all rows of a cell.</summary>
    /// <param name="rows">Receives them.</param>
    /// <param name="encoded">What U acts on.</param>
    /// <param name="how">The least gap, and the size of entries off the diagonal.</param>
    /// <param name="random">What they are drawn from.</param>
    /// <param name="zeroColumns">The features that are constant; null for none.</param>
    public static void Fill(CellRows rows, StartColumns encoded, LogTimescalesInitialization how, Random random, bool[]? zeroColumns)
    {
        for (var state = 0; state < rows.States; state++)
        {
            var gap = Math.Exp(Math.Log(how.SmallestGap) * random.NextDouble());
            InitialWeights.Normal(random, 1, rows.States, how.Coupling * gap / rows.States).CopyTo(rows.RowOfW(state));
            rows.RowOfW(state)[state] += (float)(1 - gap);
            var u = rows.RowOfU(state);
            InitialWeights.Normal(random, 1, u.Length, gap / Math.Sqrt(u.Length), zeroColumns).CopyTo(u);
            rows.B[state] = (float)-encoded.Sum(u)[random.Next(encoded.Rows)];
        }
    }
}

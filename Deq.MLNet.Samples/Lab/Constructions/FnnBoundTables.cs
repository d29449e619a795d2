namespace Deq.MLNet.Samples.Lab;

/// <summary>The bounds of <see cref="FnnBounds"/> for the networks that the experiments compare.</summary>
internal static class FnnBoundTables
{
    private static readonly (int Depth, int Width)[] Matched = [.. FnnSize.Matched.Select(fnn => (fnn.Layers.Length, fnn.LastUnits))];

    private static readonly int[] Depths = [1, 2, 3, 5, 8, 10], Units = [5, 10, 12, 15], Teeth = [5, 10, 15], Slopes = [6, 10, 14, 20];

    public static void Add(Report report)
    {
        report.Table("fnn-width", "The least width of an FNN with as many linear pieces as a DEQ of m units can have, by its number of hidden layers",
            ["m", "pieces", .. Depths.Select(depth => $"{depth}")],
            Units.Select(m => Row([m, 1 << m], Depths, depth => FnnBounds.Width(m, depth))));
        report.Table("fnn-error", "The least mean squared error on the sawtooth of 2^k pieces of FNNs that cost as much as 20 iterations of a DEQ of 10 units; 1/2 everywhere has 0.0833",
            ["hidden layers", "width", "pieces at most", .. Teeth.Select(k => $"k = {k}")],
            Matched.Select(fnn => Row([fnn.Depth, fnn.Width, FnnBounds.MostPieces(fnn.Width, fnn.Depth)], Teeth, k => FnnBounds.SquaredError(FnnBounds.MostPieces(fnn.Width, fnn.Depth), k))));
        report.Table("fnn-weight", "The least bound on the weights of an FNN that has the slope 2^d somewhere, by hidden layers x width; B1 needs 1, B2 2",
            ["d", "1 x 10", .. Matched.Select(fnn => $"{fnn.Depth} x {fnn.Width}")],
            Slopes.Select(d => Row([d], Matched.Prepend((Depth: 1, Width: 10)), fnn => FnnBounds.Weight(Math.ScaleB(1, -d), fnn.Width, fnn.Depth))));
    }

    private static object?[] Row<T>(object?[] first, IEnumerable<T> columns, Func<T, double> value) => [.. first, .. columns.Select(column => (object?)value(column))];
}

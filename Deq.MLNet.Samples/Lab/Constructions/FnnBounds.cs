namespace Deq.MLNet.Samples.Lab;

/// <summary>What a feed-forward network of relu with one feature must at least have. Derived for this project: each follows from the count of linear pieces, at most (k + 1)^L for L hidden layers of k units.</summary>
internal static class FnnBounds
{
    /// <summary>The most linear pieces.</summary>
    public static double MostPieces(int width, int depth) => Math.Pow(width + 1, depth);

    /// <summary>The least width with which 2^m pieces are possible.</summary>
    public static double Width(int m, int depth) => Math.Ceiling(Math.Pow(2, (double)m / depth) - 1);

    /// <summary>The least mean squared error of a function of so many pieces against the sawtooth of 2^m, over [0, 1].</summary>
    public static double SquaredError(double pieces, int m) => Math.Max(0, 1 - (pieces - 1) * Math.ScaleB(1, 1 - m)) / 12;

    /// <summary>The least width with which half the error of 1/2 everywhere is possible on the sawtooth of 2^k pieces: a quarter of its pieces and one.</summary>
    public static double WidthForHalfTheError(int k, int depth) => Math.Ceiling(Math.Pow(Math.ScaleB(1, k - 2) + 1, 1.0 / depth) - 1);

    /// <summary>The least bound B on all weights, max |w|, with which a slope of 1 / delta is possible: along a path of units slopes multiply, and there are k^L paths.</summary>
    public static double Weight(double delta, int width, int depth) => Math.Pow(delta * Math.Pow(width, depth), -1.0 / (depth + 1));
}

namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// Floating-point operations of networks with one input and one output, additions and multiplications counted one each, an activation as one. Effort is made equal by these counts, and not by seconds, which depend on the engine.
/// </summary>
internal static class Flops
{
    /// <summary>Iterations that a solve of a dense cell is counted as.</summary>
    public const int Iterations = 20;

    /// <summary>A row through a dense cell of m states: so many evaluations of the cell, U x and V z.</summary>
    public static double Cell(int m) => Iterations * (2.0 * m * m + 2 * m) + 4 * m;

    /// <summary>A row through a strictly triangular cell of m states, solved by substitution.</summary>
    public static double TriangularCell(int m) => m * (m - 1.0) + 6 * m;

    /// <summary>A row through hidden layers.</summary>
    public static double Layers(IReadOnlyList<int> sizes)
    {
        var flops = 4.0 * sizes[0] + 2.0 * sizes[^1];
        for (var l = 1; l < sizes.Count; l++)
            flops += 2.0 * sizes[l - 1] * sizes[l] + 2 * sizes[l];
        return flops;
    }

    /// <summary>Steps of a gradient method: a row costs its way forward once, and twice that backward.</summary>
    public static double Gradient(double forward, double rows, double steps) => 3 * forward * rows * steps;

    /// <summary>
    /// Steps of Levenberg and Marquardt's method over p free weights: the Jacobian, J'J or J J' (half of it, by symmetry), its Cholesky factors (a third of the cube), and the loss of the trial step.
    /// Steps that are taken back cost less; they are counted in full.
    /// </summary>
    public static double LevenbergMarquardt(double forward, double rows, int p, double steps) =>
        steps * (4 * forward * rows + 2 * rows * p + rows * p * Math.Min(p, rows) + Math.Pow(Math.Min(p, rows), 3) / 3);
}

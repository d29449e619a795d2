namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// Floating-point operations of networks with one output, additions and multiplications counted one each, an activation as one. Effort is made equal by these counts, and not by seconds, which depend on the engine.
/// </summary>
internal static class Flops
{
    /// <summary>Iterations that a solve of a dense cell is counted as.</summary>
    public const int Iterations = 20;

    /// <summary>Lengths that a line search of L-BFGS is counted as trying. Counted over whole trainings on 2^5 pieces they were 1.1 a step with 2,200 weights, and 1.25 to 1.4 with 76 to 93.</summary>
    public const double TrialsOfALineSearch = 1.25;

    /// <summary>A row through a dense cell of m states: so many evaluations of the cell, U x and V z.</summary>
    public static double Cell(int m, int inputs = 1) => Iterations * (2.0 * m * m + 2 * m) + 2 * m * (inputs + 1);

    /// <summary>A row through a strictly triangular cell of m states, solved by substitution.</summary>
    public static double TriangularCell(int m, int inputs = 1) => m * (m - 1.0) + 2 * m + 2 * m * (inputs + 1);

    /// <summary>A row through a dense cell whose W obeys a monotone rule: a step of the splitting has two products, and a solve is counted as as many steps as a dense cell's.</summary>
    public static double MonotoneCell(int m, int inputs = 1) => Iterations * (4.0 * m * m + 4 * m) + 2 * m * (inputs + 1);

    /// <summary>A row through hidden layers.</summary>
    public static double Layers(IReadOnlyList<int> sizes, int inputs = 1) => sizes.Zip(sizes.Prepend(inputs), (units, before) => 2.0 * units * (before + 1)).Sum() + 2 * sizes[^1];

    /// <summary>Steps of a gradient method: a row costs its way forward once, and twice that backward.</summary>
    public static double Gradient(double forward, double rows, double steps) => 3 * forward * rows * steps;

    /// <summary>
    /// Steps of L-BFGS over p weights: for each length that its line search tries the loss and its gradient, and the direction from the steps that it remembers, four products of p for each.
    /// </summary>
    public static double LBfgs(double forward, double rows, int p, double steps) => steps * (TrialsOfALineSearch * 3 * forward * rows + 4.0 * 2 * p * new LBfgs().Memory);

    /// <summary>
    /// Steps of Levenberg and Marquardt's method over p free weights: the Jacobian, J'J or J J' (half of it, by symmetry), its Cholesky factors (a third of the cube), and the loss of the trial step.
    /// Steps that are taken back cost less; they are counted in full.
    /// </summary>
    public static double LevenbergMarquardt(double forward, double rows, int p, double steps) =>
        steps * (4 * forward * rows + 2 * rows * p + rows * p * Math.Min(p, rows) + Math.Pow(Math.Min(p, rows), 3) / 3);
}

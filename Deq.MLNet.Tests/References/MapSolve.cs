using System.Numerics;
using Deq.MLNet.Equilibrium;

namespace Deq.MLNet.Tests.References;

/// <summary>Runs the library's row solver on a cell given by its arrays.</summary>
internal static class MapSolve
{
    public static (RowSolution Solution, double[] Z) InFloat64(double[] w, double[] u, Activation activation, EquilibriumSettings settings, List<double>? trace = null, double[]? start = null) =>
        Solve(w, u, activation, settings, double.NaN, trace, start);

    public static (RowSolution Solution, float[] Z) InFloat32(float[] w, float[] u, Activation activation, EquilibriumSettings settings, List<double>? trace = null, float garbage = float.NaN) =>
        Solve(w, u, activation, settings, garbage, trace);

    private static (RowSolution Solution, T[] Z) Solve<T>(T[] w, T[] u, Activation activation, EquilibriumSettings settings, T garbage, List<double>? trace, T[]? start = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var solver = new RowSolver<T>(settings.Solver, settings.Tolerance, settings.MaxIterations, new CellWeights<T>(w, activation));
        var (z, scratch) = (start?.ToArray() ?? new T[u.Length], new T[solver.ScratchSize]);
        Array.Fill(scratch, garbage);
        return (solver.Solve(u, z, scratch, trace), z);
    }

    /// <summary>||f(z) - z|| / (||f(z)|| + absolute / relative), recomputed in float64.</summary>
    public static double Residual(double[] w, double[] u, double[] z, Activation activation, Tolerance tolerance)
    {
        var f = FixedPoint.Cell(w, u, z, activation);
        return Linear.Distance(f, z) / (Linear.Norm(f) + tolerance.Absolute / tolerance.Relative);
    }
}

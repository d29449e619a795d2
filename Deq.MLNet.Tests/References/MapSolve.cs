using Deq.MLNet.Equilibrium;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.References;

/// <summary>Runs the library's row solver on a cell given by its arrays.</summary>
internal static class MapSolve
{
    public static (RowSolution Solution, double[] Z) InFloat64(double[] w, double[] u, Activation activation, EquilibriumSettings settings)
    {
        var z = new double[u.Length];
        var scratch = new double[RowSolver.ScratchSize(settings.Solver, u.Length)];
        Array.Fill(scratch, double.NaN);
        return (RowSolver.Solve(settings, new CellMap<double>(w, u, activation, Kernels.Norm<double>(w)), z, scratch), z);
    }

    public static (RowSolution Solution, float[] Z) InFloat32(float[] w, float[] u, Activation activation, EquilibriumSettings settings)
    {
        var z = new float[u.Length];
        var scratch = new float[RowSolver.ScratchSize(settings.Solver, u.Length)];
        Array.Fill(scratch, float.NaN);
        return (RowSolver.Solve(settings, new CellMap<float>(w, u, activation, Kernels.Norm<float>(w)), z, scratch), z);
    }

    /// <summary>||f(z) - z|| / (||f(z)|| + absolute / relative), recomputed in float64.</summary>
    public static double Residual(double[] w, double[] u, double[] z, Activation activation, Tolerance tolerance)
    {
        var f = FixedPoint.Cell(w, u, z, activation);
        return Linear.Distance(f, z) / (Linear.Norm(f) + tolerance.Absolute / tolerance.Relative);
    }
}

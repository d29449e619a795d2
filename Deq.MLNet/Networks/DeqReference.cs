using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>A deep equilibrium network evaluated in float64 to its own rounding error: what float32 forms are measured against. Thread safe.</summary>
internal sealed class DeqReference(DeqNetwork network)
{
    private readonly RowSolver<double> _solver = Solver(network);
    private readonly double[] _u = Kernels.ToDouble(network.U.Span);
    private readonly double[] _b = Kernels.ToDouble(network.B.Span);
    private readonly double[] _v = Kernels.ToDouble(network.V.Span);
    private readonly double[] _c = Kernels.ToDouble(network.C.Span);

    /// <summary>The K outputs of a row; NaN where its equilibrium was not found.</summary>
    public double[] Evaluate(ReadOnlySpan<float> x) => new Readout(network.Link).Of(EvaluateAffine(x));

    /// <summary>The same, before the link.</summary>
    public double[] EvaluateAffine(ReadOnlySpan<float> x)
    {
        var d = network.StateSize;
        var injection = new double[d];
        Kernels.Affine(_u, Kernels.ToDouble(x), _b, injection);
        var z = new double[d];
        var solution = _solver.Solve(injection, z, new double[_solver.ScratchSize]);
        var y = new double[network.OutputSize];
        if (solution.Status.IsSolved())
        {
            Kernels.Affine(_v, z, _c, y);
        }
        else
        {
            Array.Fill(y, double.NaN);
        }
        return y;
    }

    /// <summary>The method of the rule, or that of a triangular W, whatever the network scores by: plain iteration and its mixing run away in most monotone cells.</summary>
    private static RowSolver<double> Solver(DeqNetwork network)
    {
        var weights = new CellWeights<double>(Kernels.ToDouble(network.W.Span), network.Activation);
        var natural = network.Certificate.Rule.NaturalSolver(network.Activation);
        return new RowSolver<double>(natural is Auto && !weights.SubstitutionIsExact ? new Anderson() : natural, new Tolerance(1e-14, 1e-300), 5_000, weights);
    }
}

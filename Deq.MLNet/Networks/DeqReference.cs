using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>A deep equilibrium network evaluated in float64 to its own rounding error: what float32 forms are measured against. Thread safe.</summary>
internal sealed class DeqReference
{
    /// <summary>From here on an error may be so many residuals that a residual of rounding says little of it.</summary>
    private const double SlowErrorPerResidual = 1e3;

    private readonly DeqNetwork _network;
    private readonly DeqArrays<double> _arrays;
    private readonly RowSolver<double>[] _solvers;

    public DeqReference(DeqNetwork network)
    {
        _network = network;
        _arrays = new DeqArrays<double>(network.Weights, network.Activation);
        var natural = network.Certificate.Rule.NaturalSolver(network.Activation);
        // The method of the rule, or that of a triangular W, whatever the network scores by: plain iteration and its mixing run away in most monotone cells.
        FixedPointSolver[] methods = natural is Auto && !_arrays.Cell.SubstitutionIsExact ? Iterative(network) : [natural];
        _solvers = [.. methods.Select(method => new RowSolver<double>(method, new Tolerance(1e-14, 1e-300), 5_000, _arrays.Cell))];
    }

    /// <summary>
    /// Mixed steps, and plain ones where these go round a kink of a layer-normalised cell and never arrive; where states keep nearly all of themselves Newton's, if phi is made of straight lines:
    /// it ends at the equilibrium itself, for d^3 operations a step.
    /// </summary>
    private static FixedPointSolver[] Iterative(DeqNetwork network) =>
        network.Gain.IsEmpty && network.Activation.IsPiecewiseLinear() && network.Certificate.ErrorPerResidual > SlowErrorPerResidual ? [new Newton()] : [new Anderson(), new Picard()];

    /// <summary>The K outputs of a row, before the link; NaN where its equilibrium was not found.</summary>
    public double[] EvaluateAffine(ReadOnlySpan<float> x) => EvaluateAffine(x, new double[_network.StateSize]);

    /// <summary>The same, and writes the equilibrium, d values, to z.</summary>
    public double[] EvaluateAffine(ReadOnlySpan<float> x, Span<double> z)
    {
        var (row, injection) = (Kernels.ToDouble(x), new double[_network.StateSize]);
        _arrays.Inject(row, new double[_arrays.ScratchSize], injection);
        var y = new double[_network.OutputSize];
        foreach (var solver in _solvers)
        {
            z.Clear();
            if (solver.Solve(injection, z, new double[solver.ScratchSize]).Status.IsSolved())
            {
                _arrays.Read(row, z, y);
                return y;
            }
        }
        Array.Fill(y, double.NaN);
        return y;
    }
}

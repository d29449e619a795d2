using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Gradients;

/// <summary>A random cell with six rows, and the gradient that an engine gives of it.</summary>
internal sealed record GradientCase(int Size, int Inputs, int Outputs, double Norm, Activation Activation, bool Weighted, int Seed)
{
    private const int Rows = 6;

    /// <summary>Cells of a contraction factor up to 0.85, no pre-activation of whose equilibria is about a kink.</summary>
    public static Gen<GradientCase> UpTo(int size) =>
        (from states in Gen.Int[1, size]
         from inputs in Gen.Int[1, 6]
         from outputs in Gen.OneOfConst(1, 3)
         from norm in Gen.Double[0.05, 0.85]
         from activation in Gen.Enum<Activation>()
         from weighted in Gen.Bool
         from seed in Gen.Int[0, 1_000_000]
         select new GradientCase(states, inputs, outputs, norm / Phi.Lipschitz(activation), activation, weighted, seed)).Where(c => !c.HasKinks || c.Reference().NearestKink(c.Parameters) > 1e-4);

    public bool HasKinks => Activation is Activation.ReLU or Activation.LeakyReLU;

    public TrainingData Data => Setup.Noise(Rows, Inputs, Outputs, Seed, Weighted);

    public DeqNetwork Network => new RandomCell(Size, Inputs, Outputs, Norm, Seed).Fill().Network(Activation);

    public double[] Parameters => Linear.ToDouble(Network.Weights());

    /// <summary>How many of the parameters act through the state: W, U and b.</summary>
    public int ThroughState => Size * (Size + Inputs + 1);

    public DeqGradient Reference(double[]? mask = null) => new(Size, Activation, Data, mask);

    public DeqArchitecture Architecture(EquilibriumGradient gradient, double tolerance, FixedPointSolver? gradientSolver = null, float dropout = 0) =>
        Setup.Deq(Size, Activation, WellPosedness.None, gradientSolver: gradientSolver, dropout: dropout) with
        {
            Gradient = gradient,
            // Small states are solved as well as others.
            Tolerance = new Tolerance(tolerance, 1e-15),
        };

    public TorchEngine Engine(DeqArchitecture architecture, string device, ScalarType type = ScalarType.Float64)
    {
        TorchBackend.EnsureAvailable(device);
        var engine = new TorchEngine(Setup.Settings(architecture), Network, TensorPlace.On(device, type));
        engine.Attach(Data);
        return engine;
    }

    /// <summary>The gradient over some rows, all six by default, and what the engine tells of it.</summary>
    public (double[] Gradient, EngineMetrics Metrics) Gradient(DeqArchitecture architecture, string device, ScalarType type = ScalarType.Float64, params int[] rows)
    {
        using var engine = Engine(architecture, device, type);
        var gradient = engine.Gradient(rows.Length == 0 ? [.. Enumerable.Range(0, Rows)] : rows);
        return (gradient, engine.ReadMetrics());
    }

    /// <summary>Central differences of something by the parameters.</summary>
    public double[] Differences(Func<double[], double> of, double step = 1e-5)
    {
        var p = Parameters;
        return [.. p.Select((value, i) => (of([.. p[..i], value + step, .. p[(i + 1)..]]) - of([.. p[..i], value - step, .. p[(i + 1)..]])) / (2 * step))];
    }
}

using CsCheck;

namespace Deq.MLNet.Tests.References;

/// <summary>The arrays of a random deep equilibrium network whose W has a given spectral norm, and one row of features.</summary>
internal sealed record RandomCell(int Size, int Inputs, int Outputs, double Norm, int Seed)
{
    /// <summary>Cells of 1 to 32 states, of a contraction factor between two bounds.</summary>
    public static Gen<RandomCell> Within(double leastNorm, double mostNorm, int mostSize = 32) =>
        Gen.Select(Gen.Int[1, mostSize], Gen.Int[1, 9], Gen.Int[1, 5], Gen.Double[leastNorm, mostNorm], Gen.Int[0, 1_000_000])
            .Select(t => new RandomCell(t.Item1, t.Item2, t.Item3, t.Item4, t.Item5).Fill());

    /// <summary>The activations under which the norm of W is the contraction factor.</summary>
    public static IReadOnlyList<Activation> WithSlopesOfOne { get; } = [.. Enum.GetValues<Activation>().Where(a => Phi.Lipschitz(a) == 1)];

    public float[] W { get; private set; } = [];

    public float[] U { get; private set; } = [];

    public float[] B { get; private set; } = [];

    public float[] V { get; private set; } = [];

    public float[] C { get; private set; } = [];

    public float[] X { get; private set; } = [];

    /// <summary>u = U x + b in float64.</summary>
    public double[] Injection => Linear.Affine(Linear.ToDouble(U), Linear.ToDouble(X), Linear.ToDouble(B));

    public double[] Equilibrium(Activation activation) => FixedPoint.Of(Linear.ToDouble(W), Injection, activation);

    public double[] Outputs64(Activation activation) => Linear.Affine(Linear.ToDouble(V), Equilibrium(activation), Linear.ToDouble(C));

    public DeqNetwork Network(Activation activation, Link link = Link.Identity, EquilibriumSettings? scoring = null, WellPosedness? rule = null) =>
        new(W, U, B, V, C, activation, link, rule, scoring);

    public RandomCell Fill()
    {
        var random = new Random(Seed);
        W = WithNorm(random, Size, Norm);
        U = Values(random, Size * Inputs, 1 / Math.Sqrt(Inputs));
        B = Values(random, Size, 0.5);
        V = Values(random, Outputs * Size, 1 / Math.Sqrt(Size));
        C = Values(random, Outputs, 0.5);
        X = Values(random, Inputs, 1);
        return this;
    }

    /// <summary>A size x size matrix of Gaussian values, scaled to the norm.</summary>
    public static float[] WithNorm(Random random, int size, double norm)
    {
        var w = Linear.ToDouble(Values(random, size * size, 1));
        var scale = norm / Linear.SingularValues(w, size)[0];
        return Linear.ToFloat(w.Select(v => v * scale));
    }

    public static float[] Values(Random random, int count, double deviation) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
}

using CsCheck;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Tests.Storage;

/// <summary>Networks of every kind with every setting, values over the whole range of float32.</summary>
internal static class RandomNetworks
{
    private static readonly Gen<float> Finite = Gen.OneOf(Gen.Float[-2f, 2f], Gen.Int.Select(BitConverter.Int32BitsToSingle).Where(float.IsFinite), Gen.Const(-0f));

    private static readonly Gen<float> Damping = Gen.Float[0.01f, 1f];

    private static readonly Gen<double> Small = Gen.Double[1e-12, 1e-2];

    private static readonly Gen<FixedPointSolver>[] ForAnyPhi =
    [
        Damping.Select(d => (FixedPointSolver)new Picard(d)),
        Gen.Select(Gen.Int[1, 20], Damping, Gen.Double[0, 0.5], (m, d, r) => (FixedPointSolver)new Anderson(m, d, r)),
        Gen.Const((FixedPointSolver)new Auto()),
        Gen.Const((FixedPointSolver)new ForwardSubstitution()),
    ];

    private static readonly Gen<FixedPointSolver>[] ForStraightLines =
    [
        Gen.Const((FixedPointSolver)new Newton()),
        Gen.OneOf(Gen.Const((float?)null), Damping.Select(step => (float?)step)).Select(step => (FixedPointSolver)new ForwardBackward(step)),
        Damping.Select(step => (FixedPointSolver)new PeacemanRachford(step)),
    ];

    /// <summary>Every method that rows can be scored by with this phi.</summary>
    private static Gen<EquilibriumSettings> Settings(Activation activation) => Gen.Select(
        Gen.OneOf(activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity ? [.. ForAnyPhi, .. ForStraightLines] : ForAnyPhi), Small, Small, Gen.Int[1, int.MaxValue], Gen.Enum<OnNonConvergence>(),
        (solver, relative, absolute, most, policy) => new EquilibriumSettings(solver, new Tolerance(relative, absolute), most, policy));

    private static readonly Gen<WellPosedness> Rules = Gen.OneOf(
        Gen.OneOfConst(WellPosedness.None, WellPosedness.StrictlyTriangular),
        Gen.Select(Gen.OneOfConst<Func<float, WellPosedness>>(WellPosedness.Spectral, WellPosedness.InfinityNorm, WellPosedness.Perron, WellPosedness.Monotone, WellPosedness.Diagonal),
            Gen.Float[0.01f, 0.99f], (make, limit) => make(limit)));

    /// <summary>Proved, with a factor below 1, or measured.</summary>
    private static Gen<Certificate> Certificates(int size) => Gen.Select(Rules, Gen.Bool, Gen.Double[0, 0.99], Gen.Double[1, 1e6], (rule, isProved, factor, times) =>
        new Certificate(rule, size, isProved ? factor : times * factor, isProved ? times / (1 - factor) : null));

    private static readonly Gen<float> Error = Gen.OneOf(Gen.Float[0f, 10f], Gen.Const(float.PositiveInfinity), Gen.Const(float.NaN));

    private static Gen<UnrollCurve> Curve(OnnxForm form) =>
        from k in Gen.Int[1, 9]
        from rows in Gen.Int[1, 5_000]
        from scale in Gen.Float[0f, 1e9f]
        from gain in Gen.OneOf(Gen.Float[0f, 1e9f], Gen.Const(float.PositiveInfinity))
        from max in Error.Array[k]
        from mean in Error.Array[k]
        select new UnrollCurve(form, rows, scale, max, mean) { StateGain = gain };

    /// <summary>None, one or some, of different forms.</summary>
    private static readonly Gen<UnrollCurve[]> Curves =
        Gen.Select(Gen.Int[0, 3], Curve(OnnxForm.Unrolled), Curve(OnnxForm.UnrolledAnderson), Curve(OnnxForm.Loop), (count, a, b, c) => new[] { a, b, c }[..count]);

    private static readonly Gen<Activation> Activations = Gen.Enum<Activation>();

    private static readonly Gen<Link> Links = Gen.Enum<Link>();

    private static readonly Gen<DeqShape> Shapes =
        from sizes in Gen.Int[1, 7].Array[3]
        from encoder in Gen.Int[1, 5].Array[0, 3]
        from skip in Gen.Bool
        from normalized in Gen.Bool
        select new DeqShape(sizes[0], sizes[1], sizes[2]) { EncoderSizes = encoder, HasSkip = skip, IsNormalized = normalized };

    private static readonly Gen<Network> Deq = Shapes.SelectMany(shape => Gen.Select(
        Finite.Array[(int)shape.Arrays.Sum(a => a.Sizes.Aggregate(1L, (product, size) => product * size))], Links,
        Gen.Select(Cells(shape.IsNormalized), Certificates(shape.States)).Where(t => Fit(t.Item2.Rule, t.Item1.Activation, t.Item1.Settings.Solver)), Curves,
        (values, link, known, curve) => (Network)new DeqNetwork(Weights(shape, values), known.Item1.Activation, link, known.Item1.Settings, known.Item2.Rule, known.Item2, curve)));

    private static bool Fit(WellPosedness rule, Activation activation, FixedPointSolver solver)
    {
        try
        {
            Combination.CheckNetwork(rule, activation, solver);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>An activation with a method that serves it; what goes by W alone does not serve a normalised cell.</summary>
    private static Gen<(Activation Activation, EquilibriumSettings Settings)> Cells(bool normalized) =>
        Activations.SelectMany(a => Settings(a).Where(s => (!normalized || s.Solver is Picard or Anderson or Auto) && (s.Solver is not Auto || a.IsPiecewiseLinear())).Select(s => (a, s)));

    private static DeqWeights Weights(DeqShape shape, float[] values)
    {
        var (arrays, at) = (new Dictionary<string, float[]>(), 0);
        foreach (var (name, sizes) in shape.Arrays)
        {
            var count = (int)sizes.Aggregate(1L, (product, size) => product * size);
            arrays[name] = values[at..(at + count)];
            at += count;
        }
        return DeqWeights.Of(shape, arrays);
    }

    private static readonly Gen<Network> Fnn = Gen.Int[1, 6].Array[2, 5].SelectMany(sizes => Gen.Select(
        Finite.Array[sizes.Zip(sizes.Skip(1), (i, o) => i * o + o).Sum()], Activations, Links,
        (values, activation, link) =>
        {
            var layers = new List<DenseLayer>();
            var at = 0;
            for (var i = 1; i < sizes.Length; i++)
            {
                var weights = sizes[i - 1] * sizes[i];
                layers.Add(new DenseLayer(values.AsMemory(at, weights), values.AsMemory(at + weights, sizes[i])));
                at += weights + sizes[i];
            }
            return (Network)new FnnNetwork(layers, activation, link);
        }));

    public static Gen<Network> All { get; } = Gen.OneOf(Deq, Fnn);
}

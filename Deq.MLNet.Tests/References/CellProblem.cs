using CsCheck;

namespace Deq.MLNet.Tests.References;

/// <summary>The kinds of cells that solvers are measured on.</summary>
internal enum CellKind
{
    /// <summary>A Gaussian W of a given 2-norm.</summary>
    Gaussian,

    /// <summary>W turns pairs of states by random angles: complex eigenvalues, all of one magnitude, the 2-norm.</summary>
    Rotation,

    /// <summary>W = rho q q' + a little noise, q of positive values, so that ReLU keeps that piece: I - W is singular but for 1 - rho.</summary>
    NearlySingular,

    /// <summary>W = (1 - m) I - A'A + B - B' of a 2-norm above 3.</summary>
    Monotone,

    /// <summary>Strictly lower triangular, of entries about 1 / sqrt(d).</summary>
    Triangular,

    /// <summary>Diagonal.</summary>
    Diagonal,
}

/// <summary>One cell with one row's injection, W and u of float32 values, and its equilibrium in float64.</summary>
/// <param name="Kind">What W is like.</param>
/// <param name="Size">d.</param>
/// <param name="Rho">The 2-norm of W, or the largest entry of a diagonal; for a monotone one 1 - m.</param>
/// <param name="Activation">phi.</param>
/// <param name="Seed">Of the numbers.</param>
internal sealed record CellProblem(CellKind Kind, int Size, double Rho, Activation Activation, int Seed)
{
    private readonly Lazy<(float[] W, float[] U)> _arrays = new(() => Make(Kind, Size, Rho, new Random(Seed)));
    private double[]? _equilibrium;

    public float[] W => _arrays.Value.W;

    public float[] U => _arrays.Value.U;

    public double[] W64 => Linear.ToDouble(W);

    public double[] U64 => Linear.ToDouble(U);

    public double[] Equilibrium => _equilibrium ??= EquilibriumOf(U64);

    /// <summary>The equilibrium of another row of the same cell.</summary>
    public double[] EquilibriumOf(double[] u) => Kind switch
    {
        CellKind.Monotone => FixedPoint.OfMonotone(W64, u, Activation),
        CellKind.Triangular => Substitute(u),
        _ => FixedPoint.Of(W64, u, Activation),
    };

    /// <summary>What an error of the state is at most, for a residual ||f(z) - z|| of 1.</summary>
    public double ErrorPerResidual => Kind switch
    {
        CellKind.Monotone => 1 + Linear.SingularValues(W64, Size)[0] / (1 - Rho) * (1 + 1e-6),
        CellKind.Triangular => Linear.SingularValues(Inverse(), Size)[0],
        _ => 1 / (1 - Phi.Lipschitz(Activation) * Linear.SingularValues(W64, Size)[0]),
    };

    /// <summary>Cells that plain iteration solves, of a contraction factor from 0.3 to 0.99 with that of phi.</summary>
    public static Gen<CellProblem> Contraction { get; } =
        from kind in Gen.OneOfConst(CellKind.Gaussian, CellKind.Rotation, CellKind.NearlySingular, CellKind.Diagonal)
        from size in Gen.Int[1, 64]
        from rho in Gen.OneOfConst(0.3, 0.9, 0.99)
        from activation in Gen.Enum<Activation>()
        from seed in Gen.Int[0, 1_000_000]
        select new CellProblem(kind, size, rho / Phi.Lipschitz(activation), activation, seed);

    /// <summary>Monotone cells with m from 0.1 to 1.</summary>
    public static Gen<CellProblem> Monotone { get; } =
        from size in Gen.Int[2, 64]
        from m in Gen.OneOfConst(0.1, 0.5, 1)
        from activation in Gen.OneOfConst(Activation.ReLU, Activation.LeakyReLU, Activation.Identity)
        from seed in Gen.Int[0, 1_000_000]
        select new CellProblem(CellKind.Monotone, size, 1 - m, activation, seed);

    /// <summary>Strictly triangular cells.</summary>
    public static Gen<CellProblem> Triangular { get; } =
        from size in Gen.Int[1, 64]
        from activation in Gen.Enum<Activation>()
        from seed in Gen.Int[0, 1_000_000]
        select new CellProblem(CellKind.Triangular, size, 0, activation, seed);

    private static (float[] W, float[] U) Make(CellKind kind, int d, double rho, Random random)
    {
        double[] Gaussian(int count, double deviation) => Linear.ToDouble(RandomCell.Values(random, count, deviation));
        var w = new double[d * d];
        switch (kind)
        {
            case CellKind.Gaussian:
                w = Linear.ToDouble(RandomCell.WithNorm(random, d, rho));
                break;
            case CellKind.Rotation:
                for (var i = 0; i < d; i += 2)
                {
                    var angle = 2 * Math.PI * random.NextDouble();
                    w[i * d + i] = i + 1 < d ? rho * Math.Cos(angle) : rho;
                    if (i + 1 < d)
                    {
                        (w[i * d + i + 1], w[(i + 1) * d + i], w[(i + 1) * d + i + 1]) = (-rho * Math.Sin(angle), rho * Math.Sin(angle), rho * Math.Cos(angle));
                    }
                }
                break;
            case CellKind.NearlySingular:
                var q = Gaussian(d, 1).Select(v => Math.Abs(v) + 0.1).ToArray();
                var noise = Gaussian(d * d, 0.01 / d);
                w = [.. noise.Select((v, i) => q[i / d] * q[i % d] / q.Sum(x => x * x) + v)];
                var norm = Linear.SingularValues(w, d)[0];
                w = [.. w.Select(v => v * rho / norm)];
                break;
            case CellKind.Monotone:
                var (a, b) = (Gaussian(d * d, 1 / Math.Sqrt(d)), Gaussian(d * d, 1 / Math.Sqrt(d)));
                // A'A has a norm of about 4, and B - B' one of about 2 sqrt(2).
                for (var i = 0; i < d; i++)
                {
                    for (var j = 0; j < d; j++)
                    {
                        w[i * d + j] = (i == j ? rho : 0) + b[i * d + j] - b[j * d + i] - Enumerable.Range(0, d).Sum(k => a[k * d + i] * a[k * d + j]);
                    }
                }
                break;
            case CellKind.Triangular:
                w = [.. Gaussian(d * d, 1 / Math.Sqrt(d)).Select((v, i) => i % d < i / d ? v : 0)];
                break;
            case CellKind.Diagonal:
                w = [.. Enumerable.Range(0, d * d).Select(i => i % (d + 1) == 0 ? rho * (2 * random.NextDouble() - 1) : 0)];
                break;
        }
        // A little smaller: rounding to float32 must not bring the norm above rho.
        return (Linear.ToFloat(kind == CellKind.Monotone ? w : w.Select(v => v * (1 - 1e-6))), RandomCell.Values(random, d, 1));
    }

    private double[] Substitute(double[] u)
    {
        var z = new double[Size];
        for (var i = 0; i < Size; i++)
        {
            z[i] = Phi.Of(Activation, u[i] + Enumerable.Range(0, i).Sum(j => W64[i * Size + j] * z[j]));
        }
        return z;
    }

    /// <summary>(I - Lip |W|)^-1, of no negative entry: the error of every state is at most this of the residuals.</summary>
    private double[] Inverse()
    {
        var system = W64.Select((v, i) => (i % (Size + 1) == 0 ? 1 : 0) - Phi.Lipschitz(Activation) * Math.Abs(v)).ToArray();
        var columns = Enumerable.Range(0, Size).Select(j => Linear.Solve(system, [.. Enumerable.Range(0, Size).Select(i => i == j ? 1.0 : 0)])).ToArray();
        return [.. Enumerable.Range(0, Size * Size).Select(i => columns[i % Size][i / Size])];
    }
}

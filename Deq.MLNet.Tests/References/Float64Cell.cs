namespace Deq.MLNet.Tests.References;

/// <summary>One row's cell in float64, z -> mask * phi(W z + u), or of the normal form of the sums: its value, its derivative and its equilibrium.</summary>
/// <param name="W">d x d.</param>
/// <param name="U">The row's injection, d.</param>
/// <param name="Activation">phi.</param>
/// <param name="Gain">d; null for a cell without normalisation.</param>
/// <param name="Shift">d; given with the gain.</param>
/// <param name="Mask">d; null for ones.</param>
internal sealed record Float64Cell(double[] W, double[] U, Activation Activation, double[]? Gain = null, double[]? Shift = null, double[]? Mask = null)
{
    private int Size => U.Length;

    /// <summary>What phi is applied to.</summary>
    public double[] Preactivations(double[] z) => Gain is null ? Linear.Affine(W, z, U) : [.. Normal(z).Values.Select((v, i) => Gain[i] * v + Shift![i])];

    public double[] Apply(double[] z) => [.. Preactivations(z).Select((a, i) => (Mask?[i] ?? 1) * Phi.Of(Activation, a))];

    /// <summary>The sums W z + u brought to mean 0 and variance 1, and what they were divided by.</summary>
    public (double[] Values, double Deviation) Normal(double[] z)
    {
        var a = Linear.Affine(W, z, U);
        var mean = a.Average();
        var deviation = Math.Sqrt(a.Average(v => (v - mean) * (v - mean)) + 1e-5);
        return ([.. a.Select(v => (v - mean) / deviation)], deviation);
    }

    /// <summary>From the gradient by the cell's value: by what phi is applied to, and by the sums.</summary>
    public (double[] ByPreactivations, double[] BySums) Pull(double[] z, double[] h)
    {
        var s = Preactivations(z).Select((a, i) => (Mask?[i] ?? 1) * Phi.Slope(Activation, a) * h[i]).ToArray();
        if (Gain is null)
        {
            return (s, s);
        }
        var (normal, deviation) = Normal(z);
        var t = s.Select((v, i) => Gain[i] * v).ToArray();
        var (mean, along) = (t.Average(), t.Select((v, i) => v * normal[i]).Average());
        return (s, [.. t.Select((v, i) => (v - mean - normal[i] * along) / deviation)]);
    }

    /// <summary>The derivative of the cell's value by the state, d x d.</summary>
    public double[] Jacobian(double[] z)
    {
        var jacobian = new double[Size * Size];
        for (var i = 0; i < Size; i++)
        {
            var m = Pull(z, [.. Enumerable.Range(0, Size).Select(k => k == i ? 1.0 : 0)]).BySums;
            for (var j = 0; j < Size; j++)
            {
                jacobian[i * Size + j] = Enumerable.Range(0, Size).Sum(k => m[k] * W[k * Size + j]);
            }
        }
        return jacobian;
    }

    /// <summary>h of h = g + J' h.</summary>
    public double[] Adjoint(double[] z, double[] g)
    {
        var jacobian = Jacobian(z);
        return Linear.Solve([.. Enumerable.Range(0, Size * Size).Select(i => (i % (Size + 1) == 0 ? 1 : 0) - jacobian[i % Size * Size + i / Size])], g);
    }

    /// <summary>The equilibrium; null where plain iteration and then Newton's steps do not come to one.</summary>
    public double[]? Equilibrium()
    {
        if (Gain is null && Activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity)
        {
            // A factor that is not negative passes through.
            return FixedPoint.Of([.. W.Select((v, i) => (Mask?[i / Size] ?? 1) * v)], [.. U.Select((v, i) => (Mask?[i] ?? 1) * v)], Activation);
        }
        // Half steps where nothing says that whole ones contract.
        return Newton(Iterate(Gain is null ? 12 : 60, 1)) ?? Newton(Iterate(500, 0.5));
    }

    private double[] Iterate(int steps, double damping)
    {
        var z = new double[Size];
        for (var i = 0; i < steps; i++)
        {
            z = [.. Apply(z).Zip(z, (f, v) => v + damping * (f - v))];
        }
        return z;
    }

    private double[]? Newton(double[] z)
    {
        for (var step = 0; step < 12; step++)
        {
            var (f, jacobian) = (Apply(z), Jacobian(z));
            var residual = f.Zip(z, (a, b) => a - b).ToArray();
            if (Linear.Norm(residual) <= 1e-14 * (1 + Linear.Norm(z)))
            {
                break;
            }
            var change = Linear.Solve([.. jacobian.Select((v, i) => (i % (Size + 1) == 0 ? 1 : 0) - v)], residual);
            z = [.. z.Zip(change, (a, b) => a + b)];
        }
        return Linear.Distance(Apply(z), z) <= 1e-12 * (1 + Linear.Norm(z)) ? z : null;
    }
}

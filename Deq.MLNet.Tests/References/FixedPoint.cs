namespace Deq.MLNet.Tests.References;

/// <summary>Equilibria of z = phi(W z + u) in float64.</summary>
internal static class FixedPoint
{
    /// <summary>phi(W z + u).</summary>
    public static double[] Cell(double[] w, double[] u, double[] z, Activation activation) => [.. Linear.Affine(w, z, u).Select(v => Phi.Of(activation, v))];

    /// <summary>The equilibrium of a cell that contracts.</summary>
    public static double[] Of(double[] w, double[] u, Activation activation) =>
        (activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity ? Newton(w, u, activation) : null) ?? Picard(w, u, activation);

    /// <summary>The equilibrium of a cell with any piecewise linear phi for which I - W is strongly monotone, W = (1 - m) I - A'A + B - B'.</summary>
    public static double[] OfMonotone(double[] w, double[] u, Activation activation) => Newton(w, u, activation) ?? ForwardBackward(w, u, activation);

    /// <summary>A piecewise linear cell: z = (I - D W)^-1 D u for the slopes D at W z + u, until they repeat; exact but for rounding. Null where they cycle, about a value of almost 0.</summary>
    private static double[]? Newton(double[] w, double[] u, Activation activation)
    {
        var n = u.Length;
        var seen = new HashSet<string>();
        var z = new double[n];
        while (true)
        {
            var slope = Linear.Affine(w, z, u).Select(v => Phi.Slope(activation, v)).ToArray();
            var known = !seen.Add(string.Join(' ', slope));
            var system = Enumerable.Range(0, n * n).Select(i => (i % (n + 1) == 0 ? 1 : 0) - slope[i / n] * w[i]).ToArray();
            z = Linear.Solve(system, [.. u.Select((v, i) => slope[i] * v)]);
            if (Linear.Distance(Cell(w, u, z, activation), z) <= 1e-13 * (1 + Linear.Norm(z)))
            {
                return z;
            }
            if (known)
            {
                return null;
            }
        }
    }

    /// <summary>Forward-backward splitting with a step that surely converges, until rounding alone moves the state.</summary>
    private static double[] ForwardBackward(double[] w, double[] u, Activation activation)
    {
        var n = u.Length;
        var shifted = w.Select((v, i) => (i % (n + 1) == 0 ? 1 : 0) - v).ToArray();
        var symmetric = Enumerable.Range(0, n * n).Select(i => -(shifted[i] + shifted[i % n * n + i / n]) / 2).ToArray();
        // With s above every eigenvalue in magnitude, s I + A has none below 0, and its largest singular value is its largest eigenvalue.
        var s = Linear.Norm(symmetric) + 1;
        var m = s - Linear.SingularValues([.. symmetric.Select((v, i) => v + (i % (n + 1) == 0 ? s : 0))], n)[0];
        var step = m / Math.Pow(Linear.SingularValues(shifted, n)[0], 2);
        var z = new double[n];
        for (var (i, since, least) = (0, 0, double.PositiveInfinity); i < 200_000 && since < 100; i++)
        {
            var a = Linear.Affine(w, z, u);
            var next = z.Zip(a, (v, f) => v + step * (f - v)).Select(v => v > 0 || activation == Activation.Identity ? v : activation == Activation.ReLU ? 0 : v / (1 + 99 * step)).ToArray();
            var moved = Linear.Distance(next, z);
            (z, since, least) = (next, moved < least ? 0 : since + 1, Math.Min(moved, least));
        }
        return z;
    }

    /// <summary>Plain iteration until rounding alone moves the state: for contractions.</summary>
    private static double[] Picard(double[] w, double[] u, Activation activation)
    {
        var z = new double[u.Length];
        var (least, since) = (double.PositiveInfinity, 0);
        for (var i = 0; i < 20_000 && since < 100; i++)
        {
            var next = Cell(w, u, z, activation);
            var moved = Linear.Distance(next, z);
            z = next;
            (least, since) = moved < least ? (moved, 0) : (least, since + 1);
        }
        return z;
    }
}

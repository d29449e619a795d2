namespace Deq.MLNet.Tests.References;

/// <summary>Equilibria of z = phi(W z + u) in float64.</summary>
internal static class FixedPoint
{
    /// <summary>phi(W z + u).</summary>
    public static double[] Cell(double[] w, double[] u, double[] z, Activation activation) =>
        [.. Linear.Affine(w, z, u).Select(v => activation == Activation.Tanh ? Math.Tanh(v) : Math.Max(v, 0))];

    public static double[] Of(double[] w, double[] u, Activation activation) => activation == Activation.Tanh ? Picard(w, u, activation) : Newton(w, u);

    /// <summary>The ReLU cell: z = (I - D W)^-1 D u for the pattern D of W z + u, until the pattern repeats; exact but for rounding.</summary>
    private static double[] Newton(double[] w, double[] u)
    {
        var n = u.Length;
        var seen = new HashSet<string>();
        var z = new double[n];
        while (true)
        {
            var active = Linear.Affine(w, z, u).Select(v => v > 0).ToArray();
            var known = !seen.Add(string.Concat(active.Select(a => a ? '1' : '0')));
            var system = new double[n * n];
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    system[i * n + j] = (i == j ? 1 : 0) - (active[i] ? w[i * n + j] : 0);
                }
            }
            z = Linear.Solve(system, [.. u.Select((v, i) => active[i] ? v : 0)]);
            var residual = Linear.Distance(Cell(w, u, z, Activation.ReLU), z);
            if (residual <= 1e-13 * (1 + Linear.Norm(z)))
            {
                return z;
            }
            if (known)
            {
                // The patterns cycle, about a value of almost 0: a contraction's plain iteration decides.
                return Picard(w, u, Activation.ReLU);
            }
        }
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

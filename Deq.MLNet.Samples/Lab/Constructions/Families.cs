namespace Deq.MLNet.Samples.Lab;

/// <summary>Families of networks that are exactly what they should be. They were derived for this project and are not taken from the paper, whose theorems they illustrate.</summary>
internal static class Families
{
    /// <summary>
    /// As many linear pieces as m units can have, 2^m, one for each set of active units. With s_0 = x and s_k = 2 |s_(k-1)| - 1 = 4 relu(s_(k-1)) - 2 s_(k-1) - 1 it has z_k = relu(s_(k-1)),
    /// each s written out in x and the z before it; y = V z is s_m less a line. No weight is trained, none is beyond float32, but they grow like 2^m.
    /// </summary>
    public static Construction MostPieces(int m)
    {
        var (w, u, b, v) = (new float[m * m], new float[m], new float[m], new float[m]);
        double offset = 0;
        for (var k = 0; k < m; k++)
        {
            (u[k], b[k], v[k]) = (Power(-2, k), (float)offset, 4 * Power(-2, m - 1 - k));
            for (var i = 0; i < k; i++)
                w[k * m + i] = 4 * Power(-2, k - 1 - i);
            offset = -2 * offset - 1;
        }
        return new Construction("A1", "m", m, new DeqNetwork(w, u, b, v, [0], Activation.ReLU, rule: WellPosedness.StrictlyTriangular), -2, 2, x =>
        {
            var s = x;
            for (var k = 0; k < m; k++)
                s = 2 * Math.Abs(s) - 1;
            return s - Power(-2, m) * x - offset;
        }, 1 << m);
    }

    /// <summary>The sawtooth of 2^k pieces in k + 1 units: z_0 = relu(x), and each further unit is the part of a tooth beyond 1/2, written out in x and the units before it. The weights grow like 2^k.</summary>
    public static Construction ShortSawtooth(int k)
    {
        var m = k + 1;
        var (w, u, b, v) = (new float[m * m], new float[m], new float[m], new float[m]);
        (u[0], v[0]) = (1, Power(2, k));
        for (var j = 1; j < m; j++)
        {
            (w[j * m], b[j], v[j]) = (Power(2, j - 1), -0.5f, -4 * Power(2, k - j));
            for (var i = 1; i < j; i++)
                w[j * m + i] = -4 * Power(2, j - 1 - i);
        }
        return new Construction("A2", "k", k, new DeqNetwork(w, u, b, v, [0], Activation.ReLU, rule: WellPosedness.StrictlyTriangular), 0, 1, x => new Sawtooth(k).At(x), 1 << k);
    }

    /// <summary>The same in 2k + 1 units whose weights stay within 4: tooth by tooth, q_j = relu(p_(j-1) - 1/2), p_j = relu(2 p_(j-1) - 4 q_j), y = p_k.</summary>
    public static Construction BoundedSawtooth(int k)
    {
        var m = 2 * k + 1;
        var (w, u, b, v) = (new float[m * m], new float[m], new float[m], new float[m]);
        u[0] = v[m - 1] = 1;
        for (var p = 0; p < m - 1; p += 2)
        {
            (w[(p + 1) * m + p], b[p + 1]) = (1, -0.5f);
            (w[(p + 2) * m + p], w[(p + 2) * m + p + 1]) = (2, -4);
        }
        return new Construction("A3", "k", k, new DeqNetwork(w, u, b, v, [0], Activation.ReLU, rule: WellPosedness.StrictlyTriangular), 0, 1, x => new Sawtooth(k).At(x), 1 << k);
    }

    /// <summary>
    /// The same as a contraction: with z measured in other units, S z, a strictly triangular W becomes S W S^-1 of row sums below any bound, at a cost in V. Here the bound is 0.9 and S of powers of two,
    /// which round nothing. The cost with row sums of just 0.9 is what <see cref="CostOfContraction"/> tells.
    /// </summary>
    public static Construction ContractingSawtooth(int k)
    {
        var plain = BoundedSawtooth(k).Network;
        var m = plain.StateSize;
        var units = Units(plain, 0.9, powersOfTwo: true);
        float[] Rows(ReadOnlyMemory<float> values, Func<int, double> factor) => [.. values.ToArray().Select((value, i) => (float)(value * factor(i)))];
        var network = new DeqNetwork(Rows(plain.W, i => units[i / m] / units[i % m]), Rows(plain.U, i => units[i]), Rows(plain.B, i => units[i]), Rows(plain.V, i => 1 / units[i]), [0],
            Activation.ReLU, rule: WellPosedness.InfinityNorm(0.9f));
        return new Construction("A4", "k", k, network, 0, 1, x => new Sawtooth(k).At(x), 1 << k);
    }

    /// <summary>The largest weight of V where <see cref="BoundedSawtooth"/> is rescaled to row sums of the bound itself.</summary>
    public static double CostOfContraction(int k, double bound)
    {
        var plain = BoundedSawtooth(k).Network;
        var units = Units(plain, bound, powersOfTwo: false);
        return plain.V.ToArray().Select((v, i) => Math.Abs(v) / units[i]).Max();
    }

    /// <summary>The ramp clip(x / delta, 0, 1) in two units of weights within 1: the first remembers all but delta of itself and settles at x / delta, the second takes off what is beyond 1.</summary>
    public static Construction ResonantRamp(int d)
    {
        var delta = Power(2, -d);
        return new Construction("B1", "d", d, new DeqNetwork([1 - delta, 0, 1, 0], [1, 0], [0, -1], [1, -1], [0], Activation.ReLU), -1, 1, x => new Ramp(d).At(x), 3);
    }

    /// <summary>The same in d + 2 units of weights within 2, none of which remembers: a chain that doubles x d times.</summary>
    public static Construction DoublingRamp(int d)
    {
        var m = d + 2;
        var (w, u, b, v) = (new float[m * m], new float[m], new float[m], new float[m]);
        (u[0], b[m - 1]) = (1, -1);
        for (var j = 1; j <= d; j++)
            w[j * m + j - 1] = 2;
        w[(m - 1) * m + d] = 1;
        (v[d], v[m - 1]) = (1, -1);
        return new Construction("B2", "d", d, new DeqNetwork(w, u, b, v, [0], Activation.ReLU, rule: WellPosedness.StrictlyTriangular), -1, 1, x => new Ramp(d).At(x), 3);
    }

    /// <summary>Units for the states, first to last, by which no row sum of W is above the bound.</summary>
    private static double[] Units(DeqNetwork network, double bound, bool powersOfTwo)
    {
        var (w, units) = (network.W.ToArray(), new double[network.StateSize]);
        for (var i = 0; i < units.Length; i++)
        {
            var sum = Enumerable.Range(0, i).Sum(j => Math.Abs(w[i * units.Length + j]) / units[j]);
            var largest = sum > 0 ? Math.Min(1, bound / sum) : 1;
            units[i] = powersOfTwo ? Math.ScaleB(1, Math.ILogB(largest)) : largest;
        }
        return units;
    }

    private static float Power(int of, int exponent) => (float)Math.Pow(of, exponent);
}

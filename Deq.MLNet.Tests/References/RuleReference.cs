namespace Deq.MLNet.Tests.References;

/// <summary>What each well-posedness rule limits, measured in float64 by other means than the library's.</summary>
internal static class RuleReference
{
    public static IReadOnlyList<WellPosedness> All { get; } =
    [
        WellPosedness.None, WellPosedness.Spectral(), WellPosedness.InfinityNorm(), WellPosedness.Perron(), WellPosedness.Monotone(0.5f), WellPosedness.StrictlyTriangular, WellPosedness.Diagonal(),
    ];

    public static WellPosedness Named(string name) => All.Single(rule => $"{rule}".Split('(')[0] == name);

    /// <summary>By how much W exceeds its rule under an activation; at most 0 where it obeys.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="w">W, d x d.</param>
    /// <param name="size">d.</param>
    /// <param name="activation">phi.</param>
    /// <param name="kept">1 - dropout: the share of the bound that is allowed.</param>
    public static double Excess(WellPosedness rule, double[] w, int size, Activation activation, double kept = 1)
    {
        var largestOutside = w.Where((_, i) => $"{rule}"[0] == 'D' ? i % (size + 1) != 0 : i % size >= i / size).Select(Math.Abs).DefaultIfEmpty(0).Max();
        double Over(double norm) => Phi.Lipschitz(activation) * norm - kept * (double)rule.Bound!.Value;
        return $"{rule}".Split('(')[0] switch
        {
            "None" => 0,
            "Spectral" => Over(Linear.SingularValues(w, size)[0]),
            "InfinityNorm" => Over(w.Chunk(size).Max(row => row.Sum(Math.Abs))),
            "Perron" => Over(PerronRoot(w, size)),
            "Monotone" => LargestOfSymmetricPart(w, size) - (1 - (double)float.Parse($"{rule}".Split('(', ')')[1], System.Globalization.CultureInfo.InvariantCulture)),
            "StrictlyTriangular" => largestOutside,
            "Diagonal" => largestOutside > 0 ? largestOutside : Over(w.Max(Math.Abs)),
            _ => throw new NotSupportedException($"{rule}"),
        };
    }

    /// <summary>The spectral radius of |W| by Gelfand's formula: ||A^k||^(1/k) with k = 2^40, the powers by squaring.</summary>
    public static double PerronRoot(double[] w, int size)
    {
        const int Squarings = 40;
        var power = w.Select(Math.Abs).ToArray();
        var log = 0.0;
        for (var i = 0; ; i++)
        {
            var norm = power.Sum();
            if (norm == 0)
            {
                return 0;
            }
            power = [.. power.Select(v => v / norm)];
            log += Math.Log(norm) / Math.Pow(2, i);
            if (i == Squarings)
            {
                return Math.Exp(log);
            }
            power = Product(power, power, size);
        }
    }

    /// <summary>The largest eigenvalue of (W + W') / 2: shifted to have none below 0, the largest is the largest singular value.</summary>
    public static double LargestOfSymmetricPart(double[] w, int size)
    {
        var symmetric = w.Select((v, i) => (v + w[i % size * size + i / size]) / 2).ToArray();
        var shift = Linear.Norm(symmetric);
        return Linear.SingularValues([.. symmetric.Select((v, i) => v + (i % (size + 1) == 0 ? shift : 0))], size)[0] - shift;
    }

    public static double[] Product(double[] a, double[] b, int size)
    {
        var product = new double[size * size];
        for (var i = 0; i < size; i++)
        {
            for (var k = 0; k < size; k++)
            {
                for (var j = 0; j < size; j++)
                {
                    product[i * size + j] += a[i * size + k] * b[k * size + j];
                }
            }
        }
        return product;
    }
}

using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>Loss and gradient of a deep equilibrium network in float64: the implicit function theorem, its linear system solved by LU.</summary>
/// <param name="Size">d.</param>
/// <param name="Activation">phi.</param>
/// <param name="Data">The rows of the loss.</param>
/// <param name="Mask">Factors of the states (rows x d), z = mask * phi(W z + U x + b); null for 1.</param>
/// <remarks>The parameters are W, U, b, V, c in one array. <see cref="Adjoint"/> may be that of another gradient rule.</remarks>
internal sealed record DeqGradient(int Size, Activation Activation, TrainingData Data, double[]? Mask = null)
{
    /// <summary>From W, the slopes D and the gradient g by the state to that by the pre-activations: the solution of mu = D (g + W' mu).</summary>
    public Func<double[], double[], double[], double[]> Adjoint { get; init; } = static (w, slope, g) =>
    {
        var d = g.Length;
        var system = Enumerable.Range(0, d * d).Select(i => (i % (d + 1) == 0 ? 1 : 0) - slope[i / d] * w[i % d * d + i / d]).ToArray();
        return Linear.Solve(system, [.. g.Select((value, i) => slope[i] * value)]);
    };

    private int Inputs => Data.FeatureCount;

    private int Outputs => Data.TargetCount;

    public double Loss(double[] p) => Enumerable.Range(0, Data.Rows).Sum(r =>
    {
        var (_, _, y) = Row(p, r);
        return Data.Weight(r) / TotalWeight * y.Select((v, k) => Math.Pow(v - Data.Targets[r * Outputs + k], 2)).Sum();
    });

    /// <summary>The least magnitude of a pre-activation: how far the nearest kink of ReLU is.</summary>
    public double NearestKink(double[] p) => Enumerable.Range(0, Data.Rows).Min(r => Row(p, r).A.Min(Math.Abs));

    public double[] Gradient(double[] p)
    {
        var (d, n, outputs) = (Size, Inputs, Outputs);
        var (w, _, _, v, _) = Split(p);
        var (dw, du, db, dv, dc) = (new double[w.Length], new double[d * n], new double[d], new double[v.Length], new double[outputs]);
        for (var r = 0; r < Data.Rows; r++)
        {
            var (z, a, y) = Row(p, r);
            var x = Data.Row(r).Span;
            var g = new double[d];
            for (var k = 0; k < outputs; k++)
            {
                var error = 2 * Data.Weight(r) / TotalWeight * (y[k] - Data.Targets[r * outputs + k]);
                dc[k] += error;
                for (var i = 0; i < d; i++)
                {
                    dv[k * d + i] += error * z[i];
                    g[i] += error * v[k * d + i];
                }
            }
            var mask = MaskOf(r);
            var mu = Adjoint(w, [.. a.Select((s, i) => mask[i] * Phi.Slope(Activation, s))], g);
            for (var i = 0; i < d; i++)
            {
                db[i] += mu[i];
                for (var j = 0; j < d; j++)
                {
                    dw[i * d + j] += mu[i] * z[j];
                }
                for (var j = 0; j < n; j++)
                {
                    du[i * n + j] += mu[i] * x[j];
                }
            }
        }
        return [.. dw, .. du, .. db, .. dv, .. dc];
    }

    /// <summary>The equilibrium of a smooth cell that is a contraction: Newton's steps from where plain iteration led.</summary>
    private double[] Newton(double[] w, double[] injection, double[] mask)
    {
        var d = Size;
        var z = new double[d];
        for (var i = 0; i < 30; i++)
        {
            z = Cell(z);
        }
        for (var step = 0; step < 6; step++)
        {
            var f = Cell(z);
            var slope = Linear.Affine(w, z, injection).Select((a, i) => mask[i] * Phi.Slope(Activation, a)).ToArray();
            var system = Enumerable.Range(0, d * d).Select(i => (i % (d + 1) == 0 ? 1 : 0) - slope[i / d] * w[i]).ToArray();
            z = [.. z.Zip(Linear.Solve(system, [.. f.Zip(z, (a, b) => a - b)]), (a, b) => a + b)];
        }
        Linear.Distance(Cell(z), z).Should().BeLessThan(1e-13);
        return z;

        double[] Cell(double[] z) => [.. FixedPoint.Cell(w, injection, z, Activation).Zip(mask, (t, m) => m * t)];
    }

    public double[] MaskOf(int row) => Mask is null ? [.. Enumerable.Repeat(1.0, Size)] : Mask[(row * Size)..((row + 1) * Size)];

    /// <summary>What a row has of the mean.</summary>
    public double Share(int row) => Data.Weight(row) / TotalWeight;

    private double TotalWeight => Enumerable.Range(0, Data.Rows).Sum(Data.Weight);

    /// <summary>State, pre-activations and outputs of a row.</summary>
    public (double[] Z, double[] A, double[] Y) Row(double[] p, int row)
    {
        var (w, u, b, v, c) = Split(p);
        var injection = Linear.Affine(u, Linear.ToDouble(Data.Row(row).Span), b);
        var mask = MaskOf(row);
        // A factor that is not negative passes through what is linear on either side of 0.
        var z = Activation is Activation.Tanh or Activation.GELU or Activation.Softplus
            ? Newton(w, injection, mask)
            : FixedPoint.Of([.. w.Select((v, i) => mask[i / Size] * v)], [.. injection.Zip(mask, (u, m) => m * u)], Activation);
        return (z, Linear.Affine(w, z, injection), Linear.Affine(v, z, c));
    }

    public (double[] W, double[] U, double[] B, double[] V, double[] C) Split(double[] p)
    {
        var (d, n, k) = (Size, Inputs, Outputs);
        return (p[..(d * d)], p[(d * d)..(d * (d + n))], p[(d * (d + n))..(d * (d + n + 1))], p[(d * (d + n + 1))..(d * (d + n + 1 + k))], p[^k..]);
    }
}

/// <summary>Loss and gradient of a feed-forward network in float64, by backpropagation row by row.</summary>
internal static class FnnGradient
{
    public static (double Loss, double[] Gradient) Of(FnnNetwork network, TrainingData data)
    {
        var layers = network.Layers.Select(l => (W: Linear.ToDouble(l.Weights.Span), B: Linear.ToDouble(l.Bias.Span))).ToArray();
        var gradients = layers.Select(l => (W: new double[l.W.Length], B: new double[l.B.Length])).ToArray();
        var total = Enumerable.Range(0, data.Rows).Sum(data.Weight);
        var loss = 0.0;
        for (var r = 0; r < data.Rows; r++)
        {
            var inputs = new List<double[]> { Linear.ToDouble(data.Row(r).Span) };
            foreach (var (w, b) in layers)
            {
                var a = Linear.Affine(w, inputs[^1], b);
                var last = inputs.Count == layers.Length;
                inputs.Add(last ? a : [.. a.Select(v => Phi.Of(network.Activation, v))]);
            }
            var error = inputs[^1].Select((y, k) => y - data.Targets[r * data.TargetCount + k]).ToArray();
            loss += data.Weight(r) / total * error.Sum(e => e * e);
            var g = error.Select(e => 2 * data.Weight(r) / total * e).ToArray();
            for (var l = layers.Length - 1; l >= 0; l--)
            {
                var below = new double[inputs[l].Length];
                for (var i = 0; i < g.Length; i++)
                {
                    gradients[l].B[i] += g[i];
                    for (var j = 0; j < below.Length; j++)
                    {
                        gradients[l].W[i * below.Length + j] += g[i] * inputs[l][j];
                        below[j] += g[i] * layers[l].W[i * below.Length + j];
                    }
                }
                g = [.. below.Select((value, j) => value * (network.Activation == Activation.Tanh ? 1 - inputs[l][j] * inputs[l][j] : inputs[l][j] > 0 ? 1 : 0))];
            }
        }
        return (loss, [.. gradients.SelectMany(g => g.W.Concat(g.B))]);
    }
}

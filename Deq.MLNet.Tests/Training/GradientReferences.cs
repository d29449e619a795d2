using Deq.MLNet.Networks;
using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>Loss and gradient of a deep equilibrium network in float64: the implicit function theorem, its linear system solved by LU.</summary>
/// <param name="Shape">Which parts the network has.</param>
/// <param name="Activation">phi.</param>
/// <param name="Data">The rows of the loss.</param>
/// <param name="Mask">Factors of the states (rows x d), z = mask * phi(...); null for 1.</param>
/// <remarks>The parameters are those of the shape, in its order, in one array. <see cref="Adjoint"/> may be that of another gradient rule.</remarks>
internal sealed record DeqGradient(DeqShape Shape, Activation Activation, TrainingData Data, double[]? Mask = null)
{
    /// <summary>Of a network without further parts: W, U, b, V, c.</summary>
    public DeqGradient(int size, Activation activation, TrainingData data, double[]? mask = null) : this(new DeqShape(size, data.FeatureCount, data.TargetCount), activation, data, mask) { }

    /// <summary>From W, the slopes D and the gradient g by the state to that by the pre-activations, of a cell without normalisation; null for the solution of mu = D (g + W' mu).</summary>
    public Func<double[], double[], double[], double[]>? Adjoint { get; init; }

    private int Outputs => Data.TargetCount;

    /// <summary>What a row has of the mean.</summary>
    public double Share(int row) => Data.Weight(row) / TotalWeight;

    public double[] MaskOf(int row) => Mask is null ? [.. Enumerable.Repeat(1.0, Shape.States)] : Mask[(row * Shape.States)..((row + 1) * Shape.States)];

    /// <summary>State, pre-activations and outputs of a row.</summary>
    public (double[] Z, double[] A, double[] Y) Row(double[] p, int row)
    {
        var pass = Forward(Arrays(p), row);
        return (pass.Z, pass.Cell.Preactivations(pass.Z), pass.Y);
    }

    /// <summary>The arrays that every network has.</summary>
    public (double[] W, double[] U, double[] B, double[] V, double[] C) Split(double[] p)
    {
        var arrays = Arrays(p);
        return (arrays["W"], arrays["U"], arrays["b"], arrays["V"], arrays["c"]);
    }

    private double TotalWeight => Enumerable.Range(0, Data.Rows).Sum(Data.Weight);

    public double Loss(double[] p) => Enumerable.Range(0, Data.Rows).Sum(r => Share(r) * Errors(Forward(Arrays(p), r).Y, r).Sum(e => e * e));

    /// <summary>The least magnitude of what phi is applied to: how far the nearest kink of ReLU is.</summary>
    public double NearestKink(double[] p) => Enumerable.Range(0, Data.Rows).Min(r =>
    {
        var pass = Forward(Arrays(p), r);
        return pass.Sums.SelectMany(a => a).Concat(pass.Cell.Preactivations(pass.Z)).Min(Math.Abs);
    });

    /// <summary>The largest factor by which the cell stretches a change of its state, at the equilibria; infinite where one was not found.</summary>
    public double Contraction(double[] p) => Enumerable.Range(0, Data.Rows).Max(r =>
    {
        var pass = Forward(Arrays(p), r);
        return double.IsNaN(pass.Z[0]) ? double.PositiveInfinity : Linear.SingularValues(pass.Cell.Jacobian(pass.Z), Shape.States)[0];
    });

    public double[] Gradient(double[] p)
    {
        var arrays = Arrays(p);
        var gradients = arrays.ToDictionary(a => a.Key, a => new double[a.Value.Length]);
        for (var r = 0; r < Data.Rows; r++)
        {
            var pass = Forward(arrays, r);
            var error = Errors(pass.Y, r).Select(e => 2 * Share(r) * e).ToArray();
            AddOuter("V", error, pass.Z);
            AddOuter("c", error, [1]);
            AddOuter("S", error, pass.Inputs[0]);
            var stateGradient = TransposedTimes(arrays["V"], error);
            var (s, m) = Adjoint is null
                ? pass.Cell.Pull(pass.Z, pass.Cell.Adjoint(pass.Z, stateGradient))
                : ([], Adjoint(arrays["W"], pass.Cell.Pull(pass.Z, [.. Enumerable.Repeat(1.0, Shape.States)]).BySums, stateGradient));
            AddOuter("shift", s, [1]);
            if (Shape.IsNormalized)
            {
                AddOuter("gain", [.. s.Zip(pass.Cell.Normal(pass.Z).Values, (a, b) => a * b)], [1]);
            }
            AddOuter("W", m, pass.Z);
            AddOuter("U", m, pass.Inputs[^1]);
            AddOuter("b", m, [1]);
            var g = TransposedTimes(arrays["U"], m);
            for (var layer = Shape.EncoderSizes.Count - 1; layer >= 0; layer--)
            {
                g = [.. g.Select((v, i) => v * Phi.Slope(Activation, pass.Sums[layer][i]))];
                AddOuter(DeqShape.EncoderWeights(layer), g, pass.Inputs[layer]);
                AddOuter(DeqShape.EncoderBias(layer), g, [1]);
                g = TransposedTimes(arrays[DeqShape.EncoderWeights(layer)], g);
            }
        }
        return [.. Shape.Arrays.SelectMany(a => gradients[a.Name])];

        void AddOuter(string name, double[] left, double[] right)
        {
            for (var i = 0; gradients.ContainsKey(name) && i < left.Length * right.Length; i++)
            {
                gradients[name][i] += left[i / right.Length] * right[i % right.Length];
            }
        }
    }

    private double[] Errors(double[] y, int row) => [.. y.Select((v, k) => v - Data.Targets[row * Outputs + k])];

    private Pass Forward(Dictionary<string, double[]> arrays, int row)
    {
        var (inputs, sums) = (new List<double[]> { Linear.ToDouble(Data.Row(row).Span) }, new List<double[]>());
        for (var layer = 0; layer < Shape.EncoderSizes.Count; layer++)
        {
            sums.Add(Linear.Affine(arrays[DeqShape.EncoderWeights(layer)], inputs[^1], arrays[DeqShape.EncoderBias(layer)]));
            inputs.Add([.. sums[^1].Select(v => Phi.Of(Activation, v))]);
        }
        var mask = Mask?[(row * Shape.States)..((row + 1) * Shape.States)];
        var cell = new Float64Cell(arrays["W"], Linear.Affine(arrays["U"], inputs[^1], arrays["b"]), Activation, arrays.GetValueOrDefault("gain"), arrays.GetValueOrDefault("shift"), mask);
        var z = cell.Equilibrium() ?? [.. Enumerable.Repeat(double.NaN, Shape.States)];
        var read = Linear.Affine(arrays["V"], z, arrays["c"]);
        return new Pass(inputs, sums, cell, z, arrays.TryGetValue("S", out var skip) ? Linear.Affine(skip, inputs[0], read) : read);
    }

    private Dictionary<string, double[]> Arrays(double[] p)
    {
        var (arrays, at) = (new Dictionary<string, double[]>(), 0);
        foreach (var (name, sizes) in Shape.Arrays)
        {
            var count = (int)sizes.Aggregate(1L, (product, size) => product * size);
            arrays[name] = p[at..(at + count)];
            at += count;
        }
        return arrays;
    }

    private static double[] TransposedTimes(double[] matrix, double[] v) =>
        [.. Enumerable.Range(0, matrix.Length / v.Length).Select(j => v.Select((value, i) => value * matrix[i * (matrix.Length / v.Length) + j]).Sum())];

    /// <summary>What a row passes through: what each layer and then U is given, the layers' sums, the cell with its equilibrium, and the outputs.</summary>
    private sealed record Pass(List<double[]> Inputs, List<double[]> Sums, Float64Cell Cell, double[] Z, double[] Y);
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
            var sums = new List<double[]>();
            foreach (var (w, b) in layers)
            {
                var a = Linear.Affine(w, inputs[^1], b);
                sums.Add(a);
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
                g = [.. below.Select((value, j) => value * (l > 0 ? Phi.Slope(network.Activation, sums[l - 1][j]) : 1))];
            }
        }
        return (loss, [.. gradients.SelectMany(g => g.W.Concat(g.B))]);
    }
}

namespace Deq.MLNet.Samples.Commands;

/// <summary>A network of ReLU in float64, written from its formulas: the model is data. z = relu(W z + U x + b), iterated until it rests, then y = V z + c.</summary>
internal sealed class Float64Network
{
    private readonly int _d;
    private readonly double[] _w, _u, _b, _v, _c;

    // Plain iteration finds the equilibrium of a contraction; of a monotone W short steps towards it do (forward-backward splitting).
    private readonly double _step;

    public Float64Network(DeqNetwork network)
    {
        _d = network.StateSize;
        (_w, _u, _b, _v, _c) = (Wide(network.W), Wide(network.U), Wide(network.B), Wide(network.V), Wide(network.C));
        _step = network.Certificate.ContractionFactor < 1 ? 1 : 1 / _w.Select((w, i) => Math.Pow(i % (_d + 1) == 0 ? 1 - w : w, 2)).Sum();
    }

    /// <summary>y of one row, before the link.</summary>
    public double[] Affine(float[] x)
    {
        var injection = Affine(_u, [.. x], _b);
        var z = new double[_d];
        for (var change = 1.0; change > 1e-13;)
        {
            var f = Affine(_w, z, injection);
            var next = z.Zip(f, (old, to) => Math.Max(0, old + _step * (to - old))).ToArray();
            change = next.Zip(z, (a, old) => Math.Abs(a - old)).Max() / Math.Max(1, next.Max()) / _step;
            z = next;
        }
        return Affine(_v, z, _c);
    }

    /// <summary>The probabilities of the classes.</summary>
    public double[] Softmax(float[] x)
    {
        var y = Affine(x);
        var powers = y.Select(v => Math.Exp(v - y.Max())).ToArray();
        return [.. powers.Select(v => v / powers.Sum())];
    }

    /// <summary>M x + b.</summary>
    private static double[] Affine(double[] m, double[] x, double[] b)
    {
        var y = (double[])b.Clone();
        for (var i = 0; i < y.Length; i++)
            for (var j = 0; j < x.Length; j++)
                y[i] += m[i * x.Length + j] * x[j];
        return y;
    }

    private static double[] Wide(ReadOnlyMemory<float> values) => [.. values.ToArray()];
}

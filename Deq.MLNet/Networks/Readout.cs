namespace Deq.MLNet.Networks;

/// <summary>One output of a model, as it follows from the K affine outputs v of a network: link(slope * v + offset).</summary>
internal readonly record struct Readout(Link Link, double Slope = 1, double Offset = 0)
{
    /// <summary>Whether v itself goes into the link.</summary>
    public bool IsLinkAlone => Slope == 1 && Offset == 0;

    /// <summary>The output of one row.</summary>
    public double[] Of(ReadOnlySpan<double> affine)
    {
        var y = affine.ToArray();
        for (var k = 0; k < y.Length; k++)
        {
            y[k] = Slope * y[k] + Offset;
        }
        Link.Apply<double>(y);
        return y;
    }

    /// <summary>
    /// The largest error of the output where the affine values are off; infinite where it leaves float32. That of a probability is taken where its link is steepest,
    /// as rows that are not measured may lie there, and a trained network is sure of its own rows: a quarter of the error of the logistic's argument, half of that of the softmax's.
    /// </summary>
    public double Error(double[] affine, double[] exact) => Link switch
    {
        Link.Logistic => Math.Abs(Slope) / 4 * Largest(affine, exact),
        Link.Softmax => Math.Abs(Slope) / 2 * Largest(affine, exact),
        Link.Identity when IsLinkAlone => Largest(affine, exact),
        _ => Largest(Of(affine), Of(exact)),
    };

    /// <summary>By how much an error of the affine values is multiplied at the most; of exp for errors below 1 and outputs up to the scale, as e^a - 1 is at most (e - 1) a there.</summary>
    public double Steepness(double scale) => Math.Abs(Slope) * Link switch
    {
        Link.Logistic => 0.25,
        Link.Softmax => 0.5,
        Link.Exp => (Math.E - 1) * scale,
        _ => 1,
    };

    // Max would pass over a NaN, and a row that ran away would not count.
    private static double Largest(double[] y, double[] exact)
    {
        double largest = 0;
        for (var k = 0; k < y.Length; k++)
        {
            var value = (float)y[k];
            if (!float.IsFinite(value))
            {
                return double.PositiveInfinity;
            }
            largest = Math.Max(largest, Math.Abs(value - exact[k]));
        }
        return largest;
    }
}

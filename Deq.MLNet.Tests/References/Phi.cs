namespace Deq.MLNet.Tests.References;

/// <summary>The activations in float64, from their definitions: apart from the library's.</summary>
internal static class Phi
{
    public static double Of(Activation activation, double v) => activation switch
    {
        Activation.ReLU => Math.Max(v, 0),
        Activation.LeakyReLU => v > 0 ? v : 0.01 * v,
        Activation.Tanh => Math.Tanh(v),
        Activation.GELU => v * NormalCdf(v),
        Activation.Softplus => v > 30 ? v + Math.Exp(-v) : Math.Log(1 + Math.Exp(v)),
        Activation.Identity => v,
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };

    public static double Slope(Activation activation, double v) => activation switch
    {
        Activation.ReLU => v > 0 ? 1 : 0,
        Activation.LeakyReLU => v > 0 ? 1 : 0.01,
        Activation.Tanh => 1 / (Math.Cosh(v) * Math.Cosh(v)),
        Activation.GELU => NormalCdf(v) + v * Math.Exp(-v * v / 2) / Math.Sqrt(2 * Math.PI),
        Activation.Softplus => 1 / (1 + Math.Exp(-v)),
        Activation.Identity => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };

    /// <summary>The largest slope.</summary>
    public static double Lipschitz(Activation activation) => activation == Activation.GELU ? Slope(Activation.GELU, Math.Sqrt(2)) : 1;

    private const double Cell = 1.0 / 64, End = 9;

    /// <summary>The integral of the normal density from 0 to every multiple of a cell.</summary>
    private static readonly double[] Integrals = Tabulate();

    /// <summary>The integral of the normal density, by Simpson's rule from the nearest entry of a table that the same rule made.</summary>
    private static double NormalCdf(double v)
    {
        var end = Math.Min(Math.Abs(v), End);
        var cell = (int)(end / Cell);
        return 0.5 + Math.Sign(v) * (Integrals[cell] + Simpson(cell * Cell, end));
    }

    private static double[] Tabulate()
    {
        var integrals = new double[(int)(End / Cell) + 1];
        for (var cell = 1; cell < integrals.Length; cell++)
        {
            integrals[cell] = integrals[cell - 1] + Simpson((cell - 1) * Cell, cell * Cell);
        }
        return integrals;
    }

    private static double Simpson(double from, double to)
    {
        const int Intervals = 8;
        double Density(int i) => Math.Exp(-Math.Pow(from + (to - from) * i / Intervals, 2) / 2) / Math.Sqrt(2 * Math.PI);
        var sum = Density(0) + Density(Intervals);
        for (var i = 1; i < Intervals; i++)
        {
            sum += (i % 2 == 0 ? 2 : 4) * Density(i);
        }
        return sum * (to - from) / Intervals / 3;
    }
}

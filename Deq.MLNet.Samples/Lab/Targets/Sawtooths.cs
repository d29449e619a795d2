namespace Deq.MLNet.Samples.Lab;

/// <summary>The tent map 1 - |2x - 1| on [0, 1], which repeated k times is a sawtooth of 2^k linear pieces between 0 and 1.</summary>
internal static class Tent
{
    public static double Repeated(double x, int times)
    {
        for (var k = 0; k < times; k++)
            x = 1 - Math.Abs(2 * x - 1);
        return x;
    }
}

/// <summary>The sawtooth of 2^k linear pieces.</summary>
internal sealed record Sawtooth(int Doublings) : Target($"2^{Doublings}", 1, 0, 1, (0, 1))
{
    /// <summary>The mean squared error of 1/2 everywhere, the best constant.</summary>
    public const double ConstantError = 1.0 / 12;

    public override double At(params ReadOnlySpan<double> x) => Tent.Repeated(x[0], Doublings);
}

/// <summary>The sawtooth of the distance |x1 - 1/2| + |x2 - 1/2| from the middle of the square: diamonds within each other. The tent of one is the next.</summary>
internal sealed record Diamonds(int Doublings) : Target($"diamonds 2^{Doublings}", 2, 0, 1, (0, 1))
{
    public override double At(params ReadOnlySpan<double> x) => Tent.Repeated(Math.Abs(x[0] - 0.5) + Math.Abs(x[1] - 0.5), Doublings);
}

/// <summary>The distance between the sawtooths of x1 and of x2, on a board of 2^k by 2^k fields. No function of the one before gives the next.</summary>
internal sealed record Checkerboard(int Doublings) : Target($"checkerboard 2^{Doublings}", 2, 0, 1, (0, 1))
{
    public override double At(params ReadOnlySpan<double> x) => Math.Abs(Tent.Repeated(x[0], Doublings) - Tent.Repeated(x[1], Doublings));
}

using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>A rule that bounds the contraction factor of the cell.</summary>
internal abstract record ContractionRule(float Limit) : WellPosedness
{
    public sealed override float? Bound => Limit;

    internal abstract string Name { get; }

    public sealed override string ToString() => FormattableString.Invariant($"{Name}({Limit})");

    /// <summary>What a contraction proves in a norm of which ||z||_2 / spread or more, and ||z||_2 or less, is within a common factor.</summary>
    private protected Certificate Contraction(int size, double factor, double spread = 1) => new(this, size, factor, factor < 1 ? spread / (1 - factor) : null);
}

internal sealed record SpectralRule(float Limit) : ContractionRule(Limit)
{
    internal override string Name => "Spectral";

    private protected override Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz) => Contraction(size, lipschitz * SpectralNorm.Of(w, size));
}

internal sealed record InfinityNormRule(float Limit) : ContractionRule(Limit)
{
    internal override string Name => "InfinityNorm";

    internal override string Norm => "infinity norm";

    private protected override Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz) =>
        Contraction(size, lipschitz * AbsoluteMatrix.LargestRowSum(w, size), Math.Sqrt(size));
}

internal sealed record PerronRule(float Limit) : ContractionRule(Limit)
{
    internal override string Name => "Perron";

    internal override string Norm => "infinity norm weighted by its Perron vector";

    private protected override Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz)
    {
        var (root, s) = AbsoluteMatrix.Perron(w, size);
        return Contraction(size, lipschitz * root, Kernels.Norm<double>(s) / s.Min());
    }
}

internal sealed record DiagonalRule(float Limit) : ContractionRule(Limit)
{
    internal override string Name => "Diagonal";

    internal override bool AsksForForm => true;

    internal override FixedPointSolver NaturalSolver(Activation activation) => activation.IsPiecewiseLinear() ? new ForwardSubstitution() : new Auto();

    private protected override Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz) => Form.IsDiagonal(w, size)
        ? Contraction(size, lipschitz * AbsoluteMatrix.LargestRowSum(w, size))
        : new Certificate(this, size, lipschitz * SpectralNorm.Of(w, size), null);
}

internal sealed record MonotoneRule(float Margin) : WellPosedness
{
    public override float? Bound => null;

    internal override bool AsksForForm => true;

    internal override FixedPointSolver NaturalSolver(Activation activation) => new PeacemanRachford();

    public override string ToString() => FormattableString.Invariant($"Monotone({Margin})");

    /// <summary>
    /// With z' = f(z) and r = z' - z, phi being a proximal map of slopes in [0, 1]: margin ||z' - z*||^2 is at most (z' - z*)'(I - W)(z' - z*), and that at most -(W r)'(z' - z*);
    /// so ||z - z*|| is at most (1 + ||W|| / margin) ||r||.
    /// </summary>
    private protected override Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz)
    {
        var norm = SpectralNorm.Of(w, size);
        var margin = 1 - SymmetricEigenvalue.LargestOfSymmetricPart(w, size);
        return new Certificate(this, size, lipschitz * norm, lipschitz <= 1 && margin >= Margin ? 1 + norm / margin : null);
    }
}

internal sealed record StrictlyTriangularRule : WellPosedness
{
    public override float? Bound => null;

    internal override bool AsksForForm => true;

    internal override FixedPointSolver NaturalSolver(Activation activation) => new ForwardSubstitution();

    public override string ToString() => "StrictlyTriangular";

    /// <summary>|z - z*| is at most |f(z) - z| + Lip(phi) |W| |z - z*|, state by state.</summary>
    private protected override Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz) => new(this, size, lipschitz * SpectralNorm.Of(w, size),
        Form.IsStrictlyLower(w, size) ? AbsoluteMatrix.TriangularInverse(w, size, lipschitz) : null);
}

internal sealed record NoRule : WellPosedness
{
    public override float? Bound => null;

    public override string ToString() => "None";

    private protected override Certificate Measure(ReadOnlySpan<float> w, int size, double lipschitz)
    {
        var factor = lipschitz * SpectralNorm.Of(w, size);
        return new Certificate(this, size, factor, factor < 1 ? 1 / (1 - factor) : null);
    }
}

/// <summary>Which entries of W are zero.</summary>
file static class Form
{
    public static bool IsDiagonal(ReadOnlySpan<float> w, int size) => IsZeroWhere(w, size, (i, j) => i != j);

    public static bool IsStrictlyLower(ReadOnlySpan<float> w, int size) => IsZeroWhere(w, size, (i, j) => j >= i);

    private static bool IsZeroWhere(ReadOnlySpan<float> w, int size, Func<int, int, bool> where)
    {
        for (var k = 0; k < w.Length; k++)
        {
            if (w[k] != 0 && where(k / size, k % size))
            {
                return false;
            }
        }
        return true;
    }
}

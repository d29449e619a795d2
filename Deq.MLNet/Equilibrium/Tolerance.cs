using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>When a row counts as solved: ||f(z) - z|| &lt;= absolute + relative ||f(z)||, Euclidean norms, the true (undamped) residual.</summary>
/// <remarks>A small residual is not a small error: with contraction factor rho the error is at most residual / (1 - rho).</remarks>
public sealed record Tolerance
{
    /// <summary>Makes a tolerance.</summary>
    /// <param name="relative">Relative to ||f(z)||, above 0. Trainers use 1e-4 in training and 1e-6 in scoring.</param>
    /// <param name="absolute">In units of the state, above 0 (a state of zeros has no relative residual); default 1e-9.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is not positive.</exception>
    public Tolerance(double relative, double absolute = 1e-9)
    {
        Relative = Check.Positive(relative);
        Absolute = Check.Positive(absolute);
        Floor = Absolute / Relative;
    }

    /// <summary>The part relative to ||f(z)||.</summary>
    public double Relative { get; }

    /// <summary>The part in units of the state.</summary>
    public double Absolute { get; }

    /// <summary>What is added to ||f(z)|| in the residual.</summary>
    internal double Floor { get; }

    /// <summary>The residual as reported everywhere: ||f(z) - z|| / (||f(z)|| + absolute / relative). The test is met exactly when it is at most <see cref="Relative"/>.</summary>
    internal double Scaled(double distance, double norm) => distance == 0 ? 0 : distance / (norm + Floor);
}

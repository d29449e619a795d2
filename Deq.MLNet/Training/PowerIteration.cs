namespace Deq.MLNet.Training;

/// <summary>How every engine follows a norm of W from step to step by power iteration, so that all of them project alike.</summary>
/// <remarks>
/// A vector is kept between steps: W moves little in one, so that few products bring the estimate up to date. Measured in trainings, the spectral norm is then within a percent of its limit in every step at learning rates up to 0.001,
/// and up to 5 percent above it in the first steps of one at 0.01. The vector starts anew with every epoch,
/// by which a training that resumes goes on to the same weights.
/// </remarks>
internal static class PowerIteration
{
    /// <summary>Products with W, and as many with W', of the spectral norm in a step.</summary>
    public const int SpectralProducts = 4;

    /// <summary>The same at the first step of an epoch.</summary>
    public const int FirstSpectralProducts = 32;

    /// <summary>Products with |W| of the Perron root in a step.</summary>
    public const int PerronProducts = 4;

    /// <summary>The same at the first step of an epoch.</summary>
    public const int FirstPerronProducts = 64;

    /// <summary>What is added to |W| on its diagonal, as a share of the estimated root.</summary>
    public const double PerronShift = 0.25;

    /// <summary>The least entry of a Perron vector, whose largest is 1: every positive vector gives a bound.</summary>
    public const double LeastShare = 1e-9;

    /// <summary>By how much more than its estimate the spectral norm may be: power iteration bounds it from below. It is also more than the rigorous bound of an epoch's end is too large by, so that W is seldom moved there.</summary>
    public const double Slack = 0.0075;

    /// <summary>The share of the last vector that is added to the next one: it keeps the iteration alive where W is zero.</summary>
    public const double Kept = 1e-6;

    /// <summary>Squarings of W'W by which the spectral norm is bounded from above at an epoch's end: to a factor d^(1/1024), with d states.</summary>
    public const int Squarings = 8;

    /// <summary>A vector that no W of a user's is likely to be orthogonal to: multiples of the golden ratio modulo 1, and their signs by turns.</summary>
    public static float[] Start(int size)
    {
        var start = new float[size];
        for (var i = 0; i < size; i++)
        {
            var share = (i + 1) * 0.6180339887498949 % 1;
            start[i] = (float)((0.5 + share) / Math.Sqrt(size) * (share * 1024 % 2 < 1 ? 1 : -1));
        }
        return start;
    }
}

namespace Deq.MLNet.Training;

/// <summary>Room that every engine leaves for the rounding of float32 where it brings a norm of W under its bound.</summary>
internal static class BoundMargins
{
    /// <summary>What rounding may add to a bound that is multiplied by its own reciprocal.</summary>
    public const double Rounding = 3e-7;

    /// <summary>By how much the norm may be above its computed bound, relative to it: of sums of positive terms, and of squarings; checked against float64 in the tests.</summary>
    public const double OfNorm = 1e-5;
}

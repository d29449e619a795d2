namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// Scores of slow cells without rounding to speak of. A state that keeps all but delta of itself multiplies float32's rounding by 1 / delta, and plain iterations in float64 would be of the number of 1 / delta:
/// here Newton's method on the set of active states solves the equilibrium in float64.
/// </summary>
internal static class ExactEquilibrium
{
    private const int MostSets = 1_000;

    /// <summary>y of a cell of relu with one feature whose row sums of |W| are below 1, which elimination without pivots is safe for; NaN where the sets of active states do not settle.</summary>
    public static double Score(DeqNetwork network, float x)
    {
        var (w, u, b) = (network.W.ToArray(), network.U.ToArray(), network.B.ToArray());
        var m = b.Length;
        var active = new bool[m];
        for (var set = 0; set < MostSets; set++)
        {
            // Row i of (I - D W) z = D (U x + b), where D keeps the active states.
            var z = LinearModels.Solve(
                [.. active.Select((on, i) => Enumerable.Range(0, m).Select(j => (i == j ? 1.0 : 0) - (on ? w[i * m + j] : 0.0)).ToArray())],
                [.. active.Select((on, i) => on ? (double)u[i] * x + b[i] : 0)]);
            bool[] next = [.. active.Select((_, i) => (double)u[i] * x + b[i] + LinearModels.Dot(z, w.AsSpan(i * m, m)) > 0)];
            if (next.SequenceEqual(active))
                return network.C.Span[0] + LinearModels.Dot(z, network.V.Span);
            active = next;
        }
        return double.NaN;
    }
}

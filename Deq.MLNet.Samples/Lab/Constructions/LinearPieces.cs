namespace Deq.MLNet.Samples.Lab;

/// <summary>A piece of a piecewise linear function of one variable.</summary>
internal readonly record struct LinearPiece(double Low, double High, double Slope);

/// <summary>The pieces of a network of one feature, one output, relu and a lower triangular W.</summary>
internal static class LinearPieces
{
    /// <summary>
    /// Follows the states in order: between kinks each is a line, and a state whose pre-activation changes its sign on a piece cuts it there. No grid is searched, so that no piece is missed, and where slopes and kinks
    /// are numbers that float64 holds, as in the constructions, nothing is rounded.
    /// </summary>
    /// <param name="network">The network. Entries on W's diagonal are below 1.</param>
    /// <param name="low">The least x.</param>
    /// <param name="high">The largest x.</param>
    /// <returns>The pieces of y from left to right; neighbours differ in slope.</returns>
    public static List<LinearPiece> Of(DeqNetwork network, double low, double high)
    {
        var m = network.StateSize;
        var (w, u, b, v) = (network.W.ToArray(), network.U.ToArray(), network.B.ToArray(), network.V.ToArray());
        List<(double Low, double High, (double Slope, double Offset)[] States)> pieces = [(low, high, [])];
        for (var i = 0; i < m; i++)
        {
            List<(double, double, (double, double)[])> cut = [];
            foreach (var piece in pieces)
            {
                var rest = 1 - (double)w[i * m + i];
                var (slope, offset) = Line(piece.States, w.AsSpan(i * m, i), u[i], b[i]);
                (slope, offset) = (slope / rest, offset / rest);
                void Add(double from, double to)
                {
                    var isActive = slope * ((from + to) / 2) + offset > 0;
                    cut.Add((from, to, [.. piece.States, isActive ? (slope, offset) : (0, 0)]));
                }
                var kink = -offset / slope;
                if (kink > piece.Low && kink < piece.High)
                {
                    Add(piece.Low, kink);
                    Add(kink, piece.High);
                }
                else
                {
                    Add(piece.Low, piece.High);
                }
            }
            pieces = cut;
        }

        List<LinearPiece> outputs = [];
        foreach (var (from, to, states) in pieces)
        {
            var (slope, _) = Line(states, v, 0, 0);
            if (outputs.Count > 0 && outputs[^1].Slope == slope)
                outputs[^1] = outputs[^1] with { High = to };
            else
                outputs.Add(new LinearPiece(from, to, slope));
        }
        return outputs;
    }

    private static (double Slope, double Offset) Line((double Slope, double Offset)[] states, ReadOnlySpan<float> weights, double slope, double offset)
    {
        for (var j = 0; j < states.Length; j++)
            (slope, offset) = (slope + weights[j] * states[j].Slope, offset + weights[j] * states[j].Offset);
        return (slope, offset);
    }
}

namespace Deq.MLNet.Samples.Lab;

/// <summary>A network written down instead of trained, and the function that it is.</summary>
/// <param name="Family">A1 to A4, B1, B2.</param>
/// <param name="Parameter">What the size is called.</param>
/// <param name="Size">Which of the family.</param>
/// <param name="Network">The network: one feature, one output, relu, W lower triangular.</param>
/// <param name="Low">The least x that it is judged at.</param>
/// <param name="High">The largest x.</param>
/// <param name="Target">The function, exact in float64 at the x that float32 has.</param>
/// <param name="Pieces">The pieces that the function has between low and high.</param>
internal sealed record Construction(string Family, string Parameter, int Size, DeqNetwork Network, double Low, double High, Func<double, double> Target, int Pieces)
{
    /// <summary>A slope of 2^20 makes something of states that count as zero by the default tolerance.</summary>
    public static readonly Tolerance Tolerance = new(1e-6, absolute: 1e-30);

    public string Name => $"{Family}, {Parameter} = {Size}";

    /// <summary>The largest magnitude of a weight of W, U and V.</summary>
    public double LargestWeight => Weights.Largest(Network);

    /// <summary>The largest sum of magnitudes in a row of W: below 1, plain iteration is a contraction.</summary>
    public double RowSum => Network.W.ToArray().Chunk(Network.StateSize).Max(row => row.Sum(w => Math.Abs((double)w)));

    /// <summary>The same network, its equilibria found by another method.</summary>
    public DeqNetwork SolvedBy(FixedPointSolver solver, int maxIterations) =>
        new(Network.W.Span, Network.U.Span, Network.B.Span, Network.V.Span, Network.C.Span, Network.Activation, scoring: new EquilibriumSettings(solver, Tolerance, maxIterations));
}

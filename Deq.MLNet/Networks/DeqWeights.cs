using Deq.MLNet.Errors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>The arrays of a deep equilibrium network, row-major; nobody else writes to them.</summary>
/// <param name="W">d x d.</param>
/// <param name="U">d x n.</param>
/// <param name="B">d.</param>
/// <param name="V">K x d.</param>
/// <param name="C">K.</param>
internal sealed record DeqWeights(float[] W, float[] U, float[] B, float[] V, float[] C)
{
    /// <summary>d.</summary>
    public int StateSize => B.Length;

    /// <summary>K.</summary>
    public int OutputSize => C.Length;

    /// <summary>n.</summary>
    public int InputSize => U.Length / Math.Max(1, StateSize);

    /// <summary>Every array with its name, in the order in which they are stored and trained.</summary>
    public IEnumerable<(string Name, float[] Values)> Arrays => [("W", W), ("U", U), ("b", B), ("V", V), ("c", C)];

    /// <summary>Throws where lengths do not fit or a value is not finite.</summary>
    public DeqWeights Checked()
    {
        var d = Check.AtLeast(StateSize, 1, "the state size");
        Check.Length<float>(W, checked(d * d), "d x d", "w");
        Check.Length<float>(U, checked(d * InputSize), "d x n", "u");
        Check.Length<float>(V, checked(OutputSize * d), "K x d", "v");
        foreach (var (name, values) in Arrays)
        {
            if (!Kernels.AllFinite<float>(values))
            {
                throw new ArgumentException($"{name} holds a value that is not finite.");
            }
        }
        return this;
    }
}

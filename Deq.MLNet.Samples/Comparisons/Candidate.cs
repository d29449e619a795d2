using Microsoft.ML;

namespace Deq.MLNet.Samples;

/// <summary>A trainer that takes part in a comparison.</summary>
/// <param name="Name">As the table shows it.</param>
/// <param name="IsNetwork">Whether it is one of this library's.</param>
/// <param name="MakeTrainer">Makes the trainer.</param>
internal sealed record Candidate(string Name, bool IsNetwork, Func<MLContext, IEstimator<ITransformer>> MakeTrainer)
{
    /// <summary>One of this library's.</summary>
    public static Candidate Network(string name, Func<MLContext, IEstimator<ITransformer>> makeTrainer) => new(name, true, makeTrainer);

    /// <summary>One of ML.NET's, with its default options but for the threads of Sdca and L-BFGS: with more than one, their results do not repeat or depend on the machine.</summary>
    public static Candidate BuiltIn(string name, Func<MLContext, IEstimator<ITransformer>> makeTrainer) => new(name, false, makeTrainer);
}

namespace Deq.MLNet.Training.Initial;

/// <summary>What weights are drawn for and from.</summary>
/// <param name="Features">n.</param>
/// <param name="Outputs">K.</param>
/// <param name="Link">Of the outputs.</param>
/// <param name="ConstantFeatures">Those that carry no information: their weights are zero.</param>
/// <param name="Random">What they are drawn from.</param>
/// <param name="Rows">Training rows in standard units, for an initialization that <see cref="Initialization.ReadsRows"/>; else null.</param>
internal sealed record StartInputs(int Features, int Outputs, Link Link, bool[] ConstantFeatures, Random Random, StartColumns? Rows)
{
    /// <summary>The rows, where they are needed.</summary>
    public StartColumns NeededRows => Rows ?? throw new NotSupportedException("This initialization reads training rows; none were given.");
}

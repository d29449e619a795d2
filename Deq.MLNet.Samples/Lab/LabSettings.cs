namespace Deq.MLNet.Samples.Lab;

/// <summary>How an experiment runs.</summary>
/// <param name="Quick">A smaller run of the same experiment: fewer seeds, sizes and epochs.</param>
/// <param name="Seeds">How many seeds; 0: as many as the experiment would take.</param>
/// <param name="Out">Where its files go.</param>
internal sealed record LabSettings(bool Quick, int Seeds, OutputFolder Out)
{
    /// <summary>The number of seeds, where the experiment takes so many by itself.</summary>
    public int SeedsOr(int full, int quick) => Seeds > 0 ? Seeds : Quick ? quick : full;
}

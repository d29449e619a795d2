namespace Deq.MLNet.Training.Simd;

/// <summary>How many threads a training uses that was not told.</summary>
internal static class SimdThreads
{
    /// <summary>Multiplications and additions that are worth a thread: some 150 microseconds of one.</summary>
    private const double OperationsOfThread = 1 << 25;

    /// <summary>Times that the weights are applied to a row in a step: forward and back, where a fixed point takes some 15 steps each way.</summary>
    private const int ApplicationsOfDeq = 30, ApplicationsOfFnn = 3;

    /// <summary>One for every 2^25 operations of a step (weights x rows x applications x 2), at most one for each block of rows and each processor, and at least one.</summary>
    public static int For(Architecture architecture, SimdModel model, int rows, int processors)
    {
        var applications = architecture is DeqArchitecture ? ApplicationsOfDeq : ApplicationsOfFnn;
        var operations = 2.0 * model.Parameters.Values.Length * rows * applications;
        var blocks = (rows + model.BlockRows - 1) / model.BlockRows;
        return (int)Math.Clamp(operations / OperationsOfThread, 1, Math.Min(blocks, processors));
    }
}

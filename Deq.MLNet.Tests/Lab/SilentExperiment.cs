using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

/// <summary>An experiment that tells nothing by itself, for reports.</summary>
internal sealed class SilentExperiment : IExperiment
{
    public string Name => "silent";

    public string Title => "Silence";

    public void Run(LabSettings settings, Report report) { }
}

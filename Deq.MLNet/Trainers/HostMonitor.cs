using System.Globalization;
using Deq.MLNet.Training;
using Microsoft.ML.Runtime;

namespace Deq.MLNet.Trainers;

/// <summary>A training as ML.NET's host sees it: cancellation, progress and log.</summary>
internal sealed class HostMonitor : ITrainingMonitor
{
    private readonly IHost _host;
    private readonly IChannel _channel;
    private readonly IProgressChannel _progress;
    private readonly Action<TrainingEpoch>? _onEpoch;
    private readonly CancellationToken _cancellation;
    private volatile int _done;

    public HostMonitor(IHost host, IChannel channel, IProgressChannel progress, int epochs, Action<TrainingEpoch>? onEpoch, CancellationToken cancellation)
    {
        (_host, _channel, _progress, _onEpoch, _cancellation) = (host, channel, progress, onEpoch, cancellation);
        progress.SetHeader(new ProgressHeader(["Training loss", "Validation loss"], ["epochs"]), entry => entry.SetProgress(0, _done, epochs));
    }

    public void CheckCancelled()
    {
        _cancellation.ThrowIfCancellationRequested();
        _host.CheckAlive();
    }

    public void EpochDone(TrainingEpoch epoch)
    {
        _done = epoch.Epoch;
        _progress.Checkpoint(epoch.TrainingLoss, epoch.ValidationLoss, epoch.Epoch);
        _channel.Trace(FormattableString.Invariant($"Epoch {epoch.Epoch}: training loss {epoch.TrainingLoss:G6}, validation loss {epoch.ValidationLoss?.ToString("G6", CultureInfo.InvariantCulture) ?? "-"}, iterations {epoch.MeanIterations:F1}, worst residual {epoch.WorstResidual:G3}, {epoch.Seconds:F3} s."));
        _onEpoch?.Invoke(epoch);
    }

    public void Info(string message) => _channel.Info(message);

    public void Warn(string message) => _channel.Warning(message);
}

using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>What a context logged.</summary>
internal sealed class TrainerLog
{
    private readonly List<LoggingEventArgs> _messages = [];

    public TrainerLog(MLContext context) => context.Log += (_, message) =>
    {
        lock (_messages)
        {
            _messages.Add(message);
        }
    };

    public IEnumerable<string> All => Of(null);

    public IEnumerable<string> Warnings => Of(ChannelMessageKind.Warning);

    public IEnumerable<string> Infos => Of(ChannelMessageKind.Info);

    public IEnumerable<string> Traces => Of(ChannelMessageKind.Trace);

    private string[] Of(ChannelMessageKind? kind)
    {
        lock (_messages)
        {
            return [.. _messages.Where(m => kind is null || m.Kind == kind).Select(m => m.RawMessage)];
        }
    }
}

using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using TorchSharp;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>Whole trainings whose rows come in blocks are those whose rows stand on the device, bit for bit.</summary>
public sealed class StreamedTrainingTests
{
    private const int Rows = 100, Batch = 32;

    /// <summary>For blocks of as many rows as a batch, and for larger ones that batches straddle.</summary>
    private static readonly long[] Rooms = [0, 1400];

    private static readonly Dictionary<string, AnyArchitecture> Architectures = new()
    {
        ["deq"] = Setup.Deq(8, Activation.ReLU, dropout: 0.1f) with { WarmStart = true },
        ["fnn"] = new FnnArchitecture([8], Activation.Tanh, 0.2f),
    };

    [Theory, OnDevices]
    public void A_training_ends_with_the_same_weights_and_history(string device)
    {
        TorchBackend.EnsureAvailable(device);
        foreach (var (name, architecture) in Architectures)
        {
            foreach (var (shuffle, weighted) in new[] { (true, true), (false, false) })
            {
                var settings = Setup.Settings(architecture) with { Shuffle = shuffle, Epochs = 3, BatchSize = Batch };
                var (expected, history, _) = Train(device, settings, weighted, null);
                foreach (var room in Rooms)
                {
                    var (weights, streamed, infos) = Train(device, settings, weighted, room);
                    weights.Bits().Should().Equal(expected.Bits(), $"{name}, shuffled {shuffle}, room {room}");
                    streamed.Epochs.Select(e => (e.TrainingLoss, e.ValidationLoss)).Should().Equal(history.Epochs.Select(e => (e.TrainingLoss, e.ValidationLoss)));
                    infos.Should().ContainSingle(m => m == $"The rows do not fit on {device} beside what training needs there: they are copied in blocks of {(room == 0 ? Batch : weighted ? 35 : 43)}.");
                }
            }
        }
    }

    [Theory, OnDevices]
    public void A_training_goes_on_from_its_state(string device)
    {
        TorchBackend.EnsureAvailable(device);
        foreach (var architecture in Architectures.Values)
        {
            var settings = Setup.Settings(architecture) with { Epochs = 4, BatchSize = Batch };
            float[] Run(CheckpointTests.Memory memory, TrainingState? saved)
            {
                using var engine = Engine(device, settings, Rooms[1]);
                new TrainingLoop(settings, 1, new RecordingMonitor()).Run(engine, Setup.Smooth(Rows, 3, weighted: true), null, memory, saved);
                return engine.ReadWeights();
            }
            var memory = new CheckpointTests.Memory();
            var whole = Run(memory, null);

            Run(new CheckpointTests.Memory(), memory.Written[1]).Bits().Should().Equal(whole.Bits());
        }
    }

    /// <summary>With another block on its way.</summary>
    [Theory, OnDevices]
    public void An_engine_that_is_given_up_within_an_epoch_leaves_no_tensor_behind(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var live = DisposeScopeManager.Statistics.TensorStatistics;
        var before = live.ThreadTotalLiveCount;
        for (var steps = 0; steps <= 3; steps++)
        {
            using var engine = Engine(device, Setup.Settings(Architectures["fnn"]) with { BatchSize = Batch }, Rooms[0]);
            engine.Attach(Setup.Smooth(Rows, 3));
            engine.Order([.. Enumerable.Range(0, Rows)]);
            for (var step = 0; step < steps; step++)
            {
                engine.Step(step * Batch, Batch, 1e-3);
            }
        }
        live.ThreadTotalLiveCount.Should().Be(before);
    }

    private static (float[] Weights, TrainingHistory History, List<string> Infos) Train(string device, TrainingSettings settings, bool weighted, long? room)
    {
        var monitor = new RecordingMonitor();
        var trained = NetworkTraining.Fit(settings, (scaled, start) => new TorchEngine(scaled, start, TensorPlace.On(device) with { RoomForRows = room }),
            Setup.Smooth(Rows, 3, weighted: weighted), Setup.Smooth(50, 4, weighted: weighted), null, monitor);
        return (trained.Network.Weights(), trained.History, monitor.Infos);
    }

    private static TorchEngine Engine(string device, TrainingSettings settings, long room) =>
        new(settings, settings.Architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1)), TensorPlace.On(device) with { RoomForRows = room });
}

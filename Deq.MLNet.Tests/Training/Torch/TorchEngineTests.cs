using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class TorchEngineTests
{
    /// <summary>Where rows are judged on the device, an evaluation is of as many rows as a batch, if that has more than it takes elsewhere.</summary>
    [Theory, OnDevices]
    public void An_evaluation_is_large_where_small_ones_leave_a_device_idle(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var rows = Setup.Smooth(5000, 1);
        var losses = new List<double>();
        foreach (var (judges, batchSize, expected) in new[] { (false, 4096, 3), (true, 32, 3), (true, 4096, 2), (true, int.MaxValue, 1) })
        {
            if (!judges && device != "cpu")
            {
                continue;
            }
            var architecture = Setup.Deq(4);
            using var engine = new TorchEngine(Setup.Settings(architecture) with { BatchSize = batchSize }, architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1)),
                TensorPlace.On(device) with { JudgesRows = judges });
            var batches = 0;

            losses.Add(engine.Evaluate(rows, () => batches++).Loss);

            batches.Should().Be(expected, $"judged there: {judges}, batches of {batchSize}");
        }
        losses.Should().OnlyContain(l => Math.Abs(l - losses[0]) < 1e-4 * losses[0]);
    }

    [Theory, OnDevices]
    public void A_probe_is_told_of_the_parts_of_every_step(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var probe = new RecordingProbe();
        var architecture = Setup.Fnn(4);
        using var engine = new TorchEngine(Setup.Settings(architecture), architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1)), TensorPlace.On(device) with { Probe = probe });
        engine.Attach(Setup.Smooth(40, 1));
        engine.Order([.. Enumerable.Range(0, 40)]);
        engine.Step(0, 20, 1e-3);
        engine.Step(20, 20, 1e-3);

        probe.Phases.Where(p => p is StepPhase.Gather or StepPhase.Optimizer).Should().Equal(StepPhase.Gather, StepPhase.Optimizer, StepPhase.Gather, StepPhase.Optimizer);
        (probe.Phases[0], probe.Phases[^1]).Should().Be((StepPhase.Gather, StepPhase.Optimizer));
    }

    private sealed class RecordingProbe : IStepProbe
    {
        public List<StepPhase> Phases { get; } = [];

        public void Ended(StepPhase phase) => Phases.Add(phase);
    }
}

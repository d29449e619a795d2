using System.Diagnostics;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using TorchSharp;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Torch;

[Collection(WholeProcess.Name)]
public sealed class TorchEngineResourceTests
{
    [Theory, OnDevices]
    public void Two_thousand_steps_leave_no_tensor_and_no_memory_behind(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var architecture = Setup.Deq(16, Activation.ReLU, solver: new Anderson(), tolerance: 1e-2);
        var fnn = new FnnArchitecture([16, 16], Activation.ReLU, 0.2f);
        var rows = Setup.Noise(100, 8, 1, 3);
        var live = DisposeScopeManager.Statistics.TensorStatistics;
        var before = live.ThreadTotalLiveCount;
        using (var deqEngine = new TorchEngine(Setup.Settings(architecture) with { GradientClip = 1 }, architecture.Initialize(8, 1, Link.Identity, new bool[8], new Random(1)), device))
        // Its rows come in blocks of as many as a batch has, which batches straddle.
        using (var fnnEngine = new TorchEngine(Setup.Settings(fnn), fnn.Initialize(8, 1, Link.Identity, new bool[8], new Random(1)), TensorPlace.On(device) with { RoomForRows = 0 }))
        {
            deqEngine.Attach(rows);
            fnnEngine.Attach(rows);
            void Steps(int count)
            {
                for (var step = 1; step <= count; step++)
                {
                    foreach (var engine in new[] { deqEngine, fnnEngine })
                    {
                        // Every third batch is shorter, as the last of an epoch.
                        engine.Step([.. Enumerable.Range(step % 50, step % 3 == 0 ? 11 : 32)], 1e-3);
                        if (step % 50 == 0)
                        {
                            engine.ReadMetrics();
                            engine.Evaluate(rows, () => { });
                            engine.ToNetwork();
                            engine.LoadWeights(engine.ReadWeights());
                            engine.LoadOptimizer(engine.ReadOptimizer());
                        }
                    }
                }
            }
            Steps(200);
            var (tensors, bytes) = (live.ThreadTotalLiveCount, ResidentBytes());
            Steps(2_000);
            live.ThreadTotalLiveCount.Should().Be(tensors);
            (ResidentBytes() - bytes).Should().BeLessThan(50L << 20);
        }
        live.ThreadTotalLiveCount.Should().Be(before);
    }

    private sealed record UnknownOptimizer : Optimizer;

    [Fact]
    public void An_engine_that_cannot_be_made_leaves_no_tensor_and_no_number_of_threads_behind()
    {
        TorchBackend.EnsureAvailable();
        var live = DisposeScopeManager.Statistics.TensorStatistics;
        var (tensors, threads) = (live.ThreadTotalLiveCount, torch.get_num_threads());
        foreach (var architecture in new AnyArchitecture[] { Setup.Deq(4), Setup.Fnn(4) })
        {
            var start = architecture.Initialize(2, 1, Link.Identity, new bool[2], new Random(1));
            FluentActions.Invoking(() => new TorchEngine(Setup.Settings(architecture) with { Optimizer = new UnknownOptimizer(), Threads = threads + 1 }, start, "cpu"))
                .Should().Throw<NotSupportedException>();
        }
        (live.ThreadTotalLiveCount, torch.get_num_threads()).Should().Be((tensors, threads));
    }

    [Fact]
    public void Threads_are_those_asked_for_while_the_engine_lives()
    {
        TorchBackend.EnsureAvailable();
        var before = torch.get_num_threads();
        foreach (var threads in new[] { 1, 2, 3 })
        {
            var architecture = Setup.Fnn(4);
            using (new TorchEngine(Setup.Settings(architecture) with { Threads = threads }, architecture.Initialize(2, 1, Link.Identity, new bool[2], new Random(1)), "cpu"))
            {
                torch.get_num_threads().Should().Be(threads);
            }
            torch.get_num_threads().Should().Be(before);
        }
    }

    [Fact]
    public void Engines_that_overlap_leave_the_threads_as_the_first_one_found_them()
    {
        TorchBackend.EnsureAvailable();
        var before = torch.get_num_threads();
        var architecture = Setup.Fnn(4);
        TorchEngine Engine(int threads) => new(Setup.Settings(architecture) with { Threads = threads }, architecture.Initialize(2, 1, Link.Identity, new bool[2], new Random(1)), TensorPlace.On("cpu"));

        var first = Engine(1);
        var second = Engine(3);
        first.Dispose();
        second.Dispose();

        torch.get_num_threads().Should().Be(before);
    }

    [Fact]
    public void An_engine_leaves_its_own_thread_as_it_was_while_another_lives_on_elsewhere()
    {
        TorchBackend.EnsureAvailable();
        var before = torch.get_num_threads();
        var architecture = Setup.Fnn(4);
        TorchEngine Engine(int threads) => new(Setup.Settings(architecture) with { Threads = threads }, architecture.Initialize(2, 1, Link.Identity, new bool[2], new Random(1)), TensorPlace.On("cpu"));
        var after = 0;
        using var other = Engine(3);
        var thread = new Thread(() =>
        {
            using (Engine(1))
            {
            }
            after = torch.get_num_threads();
        });
        thread.Start();
        thread.Join();

        after.Should().Be(before);
    }

    private static long ResidentBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}

using Deq.MLNet.Tests.Training.Torch;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>The device that trains: what the option asks for, what the context does, and what takes an absent one's place.</summary>
public sealed class DeviceOptionsTests
{
    [TorchBackendFact(WithoutCuda = true)]
    public void An_absent_device_falls_back_or_is_refused_as_the_context_says()
    {
        foreach (var trainer in TrainerCase.All)
        {
            var allowing = new MLContext(1) { FallbackToCpu = true };
            var log = new TrainerLog(allowing);

            var model = trainer.Trainer(allowing, o => o.Device = "cuda:0").Fit(trainer.View(allowing));

            model.Model.History.Device.Should().Be("cpu");
            log.Warnings.Should().ContainSingle().Which.Should().Match("cuda:0 is not available; training on the CPU, as FallbackToCpu allows. libtorch * is built for *");
            model.Scores(Rows(50, 2)).Bits().Should().Equal(DefaultScores(trainer).Bits());
            var refusing = new MLContext(1) { FallbackToCpu = false };
            FluentActions.Invoking(() => trainer.Trainer(refusing, o => o.Device = "cuda:0").Fit(trainer.View(refusing)))
                .Should().Throw<TorchBackendException>().WithMessage("The device \"cuda:0\" was asked for*");
        }
    }

    [TorchBackendFact(WithoutCuda = true)]
    public void The_contexts_gpu_is_asked_for_where_the_option_is_silent()
    {
        var context = new MLContext(1) { GpuDeviceId = 3, FallbackToCpu = false };
        foreach (var trainer in TrainerCase.All)
        {
            FluentActions.Invoking(() => trainer.Trainer(context).Fit(trainer.View(context))).Should().Throw<TorchBackendException>().WithMessage("*\"cuda:3\"*Or ask for \"cpu\", or allow the fallback to the CPU (FallbackToCpu of the MLContext*");
            trainer.Trainer(context, o => o.Device = "cpu").Fit(trainer.View(context)).Model.History.Device.Should().Be("cpu");
        }
    }

    [TorchBackendFact(WithoutCuda = true)]
    public void The_contexts_gpu_gives_way_to_the_CPU_where_the_context_allows_it()
    {
        var context = new MLContext(1) { GpuDeviceId = 0, FallbackToCpu = true };
        var log = new TrainerLog(context);

        TrainerCase.Deq.Trainer(context, o => o.Engine = Engine.Torch).Fit(TrainerCase.Deq.View(context)).Model.History.Device.Should().Be("cpu");

        log.Warnings.Should().ContainSingle().Which.Should().Match("cuda:0 is not available; training on the CPU, as FallbackToCpu allows. libtorch * is built for *");
        log.Infos.Should().ContainSingle(m => m.StartsWith("Training with Torch on cpu: "));
    }

    [TorchBackendFact(WithCuda = true)]
    public void The_gpu_that_the_context_or_the_option_asks_for_trains_every_trainer()
    {
        var name = TorchBackend.Describe().CudaDevices[0].Name;
        foreach (var trainer in TrainerCase.All)
        {
            var context = new MLContext(1) { GpuDeviceId = trainer.IsDeq ? 0 : null };
            var log = new TrainerLog(context);
            var model = trainer.Trainer(context, o => o.Device = trainer.IsDeq ? null : "cuda").Fit(trainer.View(context));

            model.Model.History.Device.Should().Be("cuda:0");
            log.Infos.Should().ContainSingle(m => m.StartsWith($"Training with Torch on cuda:0 ({name}): ")).And.ContainSingle(m => m == "The rows stand on cuda:0.");
            var expected = DefaultScores(trainer);
            model.Scores(Rows(50, 2)).LargestDifference(expected).Should().BeLessThan(1e-2 * expected.Max(Math.Abs), "of {0}", trainer);
        }
    }

    private static float[] DefaultScores(TrainerCase trainer) => trainer.Fit().Scores(Rows(50, 2));
}

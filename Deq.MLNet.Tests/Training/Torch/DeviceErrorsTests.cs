using System.Runtime.InteropServices;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using TorchSharp;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>What a user reads where a device fails.</summary>
[Collection(WholeProcess.Name)]
public sealed class DeviceErrorsTests
{
    private const string OnCuda = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 139.80 GiB\nException raised from malloc at CUDACachingAllocator.cpp";

    /// <summary>Rows times units times 4 bytes are 2^47: more than a process can address, so that no system grants it, however generous.</summary>
    private const int Many = 1 << 23, Units = 1 << 22;

    /// <summary>A batch that no memory holds, and an evaluation of as many rows, as a device does it; then all is as before.</summary>
    [Fact]
    public void Memory_that_is_short_is_told_with_sizes_and_remedies_and_another_training_runs()
    {
        TorchBackend.EnsureAvailable();
        var live = DisposeScopeManager.Statistics.TensorStatistics;
        var (tensors, threads) = (live.ThreadTotalLiveCount, torch.get_num_threads());
        var settings = Setup.Settings(new FnnArchitecture([Units], Activation.ReLU, 0)) with { BatchSize = Many, Optimizer = new Sgd() };
        var rows = new TrainingData(1, 1, new float[Many], new float[Many], null);
        const string Said = "cpu has not enough memory for {0} of 8388608 rows with layers of 4194304, which asked for 128 TiB more. " +
            "Set BatchSize (now 8388608) to 4194304 or less, HiddenSizes lower, or Device to one with more memory. libtorch says: *can't allocate memory: you tried to allocate 140737488355328 bytes*";
        using (var engine = new TorchEngine(settings, new FnnNetwork([new(new float[Units], new float[Units]), new(new float[Units], new float[1])], Activation.ReLU), TensorPlace.On("cpu") with { JudgesRows = true }))
        {
            engine.Attach(rows);
            FluentActions.Invoking(() => engine.Evaluate(rows, () => { })).Should().Throw<DeviceMemoryException>().WithMessage(string.Format(null, Said, "an evaluation")).WithInnerException<ExternalException>();
            engine.Order(new int[Many]);
            FluentActions.Invoking(() => engine.Step(0, Many, 1e-3)).Should().Throw<DeviceMemoryException>().WithMessage(string.Format(null, Said, "a step")).WithInnerException<ExternalException>();
        }
        (live.ThreadTotalLiveCount, torch.get_num_threads()).Should().Be((tensors, threads));

        var data = Setup.Smooth(100, 1);
        Setup.Fit(Setup.Settings(Setup.Deq(8)), data).History.Epochs.Should().HaveCount(10);
    }

    /// <summary>Of 2^47 bytes too, which a first layer and its gradients would take.</summary>
    [Fact]
    public void Weights_that_no_memory_holds_are_told()
    {
        TorchBackend.EnsureAvailable();
        var errors = new DeviceErrors(Setup.Settings(Setup.Deq(Many)), TensorPlace.On("cpu"));

        FluentActions.Invoking(() => errors.At("the weights", 0, () => torch.zeros(Many, 4L * Units).Dispose())).Should().Throw<DeviceMemoryException>()
            .WithMessage("cpu has not enough memory for the weights with 8388608 states, which asked for 512 TiB more. Set HiddenSize lower, or Device to one with more memory. *");
    }

    public static TheoryData<string, string> Advice => new()
    {
        { "plain", "Set BatchSize (now 4096) to 2048 or less, HiddenSize lower, or Device to one with more memory." },
        { "warm", "Set BatchSize (now 4096) to 2048 or less, WarmStart to false, HiddenSize lower, or Device to one with more memory." },
        { "anderson", "Set BatchSize (now 4096) to 2048 or less, a smaller memory of the Solver, HiddenSize lower, or Device to one with more memory." },
        { "auto", "Set BatchSize (now 4096) to 2048 or less, Solver to Picard, HiddenSize lower, or Device to one with more memory." },
        { "fnn", "Set BatchSize (now 4096) to 2048 or less, HiddenSizes lower, or Device to one with more memory." },
    };

    [Theory, MemberData(nameof(Advice))]
    public void Only_options_that_help_are_advised(string kind, string advice)
    {
        AnyArchitecture architecture = kind switch
        {
            "warm" => Setup.Deq(64) with { WarmStart = true },
            "anderson" => Setup.Deq(64, solver: new Anderson()),
            "auto" => Setup.Deq(64, solver: new Auto()),
            "fnn" => Setup.Fnn(64, 32),
            _ => Setup.Deq(64) with { EncoderSizes = [9] },
        };
        var errors = new DeviceErrors(Setup.Settings(architecture) with { BatchSize = 4096 }, TensorPlace.On("cpu"));
        var size = kind switch { "fnn" => "layers of 64, 32", "plain" => "64 states and encoder layers of 9", _ => "64 states" };

        errors.Explain(Failure(OnCuda), "a step", 4096).Message.Should().Be(
            $"cpu has not enough memory for a step of 4096 rows with {size}, which asked for 20.00 GiB more. {advice} libtorch says: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 139.80 GiB");
        // An evaluation of more rows than a batch has goes by no option.
        errors.Explain(Failure(OnCuda), "an evaluation", 5000).Message.Should().NotContain("BatchSize");
        errors.Explain(Failure("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "a step", 1).Should().BeOfType<DeviceMemoryException>()
            .Which.Message.Should().NotContain("BatchSize").And.NotContain("asked for");
    }

    [Fact]
    public void States_that_are_kept_and_do_not_fit_are_told_with_the_option_that_keeps_them()
    {
        var errors = new DeviceErrors(Setup.Settings(Setup.Deq(64) with { WarmStart = true }), TensorPlace.On("cpu"));

        errors.Explain(Failure(OnCuda), "the kept states of 80000000 rows", 0).Message.Should().StartWith(
            "cpu has not enough memory for the kept states of 80000000 rows with 64 states, which asked for 20.00 GiB more. Set WarmStart to false, HiddenSize lower, or Device to one with more memory.");
    }

    [Theory]
    [InlineData("CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be", "CUDA error: no kernel image is available for execution on the device. This libtorch is not built for the device's compute capability. Take a build that is, or set Device to \"cpu\".")]
    [InlineData("CUDA error: device-side assert triggered", "CUDA error: device-side assert triggered. The device is of no use to this process after such an error. Start the process again.")]
    [InlineData("CUDA driver version is insufficient for CUDA runtime version", "CUDA driver version is insufficient for CUDA runtime version. NVIDIA's driver is older than this libtorch asks for. Update it, or set Device to \"cpu\".")]
    [InlineData("linalg.lu_factor: singular", "linalg.lu_factor: singular.")]
    public void Another_failure_names_the_device_and_the_remedy_where_one_is_known(string says, string told)
    {
        var errors = new DeviceErrors(Setup.Settings(Setup.Deq(64)), TensorPlace.On("cpu"));
        var failure = Failure(says);

        FluentActions.Invoking(() => errors.At<int>("a step", 32, () => throw failure)).Should().Throw<TorchBackendException>()
            .WithMessage($"libtorch failed on cpu, at a step of 32 rows with 64 states: {told}").Which.InnerException.Should().BeSameAs(failure);
        var own = new InvalidOperationException("ours");
        FluentActions.Invoking(() => errors.At<int>("a step", 32, () => throw own)).Should().Throw<InvalidOperationException>().Which.Should().BeSameAs(own);
    }

    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(1023, "1023 bytes")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(1L << 30, "1 GiB")]
    [InlineData(5L << 50, "5120 TiB")]
    public void Bytes_are_told_in_units_of_1024(long bytes, string told) => DeviceErrors.Bytes(bytes).Should().Be(told);

    private static TorchSharpFailure Failure(string message) => new(message);

    /// <summary>TorchSharp throws the exception that this one is.</summary>
    private sealed class TorchSharpFailure(string message) : ExternalException(message);
}

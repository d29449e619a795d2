using Deq.MLNet.Tests.Training.Torch;

namespace Deq.MLNet.Tests.Training;

/// <summary>The devices on which tests of training run: the CPU, and the first GPU where there is one.</summary>
public sealed class TrainingDevices : TheoryData<string>
{
    public TrainingDevices() => AddRange([.. Names]);

    public static IReadOnlyList<string> Names => TorchBackend.Describe().CudaDevices.Count > 0 ? ["cpu", "cuda:0"] : ["cpu"];
}

public sealed class TrainingDevicesTests
{
    /// <summary>Where there is no GPU this is the one line that says so; the theories then run on the CPU alone.</summary>
    [TorchBackendFact(WithCuda = true)]
    public void Tests_of_training_also_run_on_the_gpu() => TrainingDevices.Names.Should().Equal("cpu", "cuda:0");
}

/// <summary>Tests that look at figures of the whole process run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeProcess
{
    public const string Name = "The whole process";
}

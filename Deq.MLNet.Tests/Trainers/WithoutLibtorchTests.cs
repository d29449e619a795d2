using Deq.MLNet.Tests.Training.Torch;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Trainings in a process that has no libtorch.</summary>
public sealed class WithoutLibtorchTests : IDisposable
{
    private readonly TorchBackendFolder _app = new();

    public WithoutLibtorchTests() => _app.RemoveLibtorch();

    public void Dispose() => _app.Dispose();

    [Fact]
    public void What_Simd_does_trains_and_TorchSharp_is_not_even_loaded()
    {
        foreach (var answer in new[] { Train("Simd", "default"), Train("Auto", "default") })
        {
            answer.Error.Should().BeNull();
            answer.Engine.Should().Be("Simd");
            answer.RSquared.Should().BeGreaterThan(0.9);
            answer.LoadsTorchSharp.Should().BeFalse();
        }
    }

    [Fact]
    public void A_size_for_which_Torch_is_preferred_trains_with_Simd_and_says_so()
    {
        var answer = Train("Auto", "large");
        answer.Error.Should().BeNull();
        answer.Engine.Should().Be("Simd");
        answer.Infos.Should().Contain(m => m.StartsWith("Training with Simd: Torch may be faster with layers of more than 2048, but cannot be used. libtorch"));
    }

    [Fact]
    public void What_needs_Torch_names_the_option_that_asks_for_it()
    {
        Train("Auto", "unrolled").Error.Should().StartWith("TorchBackendException: Gradient is Unrolled, which only Engine Torch does, and that needs libtorch. To train without it, set Gradient to Implicit. ")
            .And.Contain("was not found");
        Train("Torch", "default").Error.Should().StartWith("TorchBackendException: Engine is Torch, which needs libtorch. To train without it, set Engine to Auto. ").And.Contain("was not found").And.NotContain("which only");
    }

    [TorchBackendFact(WithoutCuda = true)]
    public void A_GPU_that_may_be_replaced_by_the_CPU_is()
    {
        var answer = Train("Auto", "gpu");
        answer.Error.Should().BeNull();
        answer.Engine.Should().Be("Simd");
    }

    private Answer Train(string engine, string what) => _app.Run<Answer>("train", engine, what);

    private sealed record Answer(string? Engine, string? Error, double RSquared, bool LoadsTorchSharp, string[] Infos);
}

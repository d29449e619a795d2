using Deq.MLNet.Tests.Training.Torch;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Deq.MLNet.Tests.Training;

/// <summary>The devices on which tests of training run: the CPU, and the first GPU where there is one.</summary>
public sealed class TrainingDevices : TheoryData<string>
{
    public TrainingDevices() => AddRange([.. Names]);

    public static IReadOnlyList<string> Names => TorchBackend.Describe().CudaDevices.Count > 0 ? ["cpu", "cuda:0"] : ["cpu"];
}

/// <summary>Gives a theory the devices, one by one, and the trait by which such tests are picked.</summary>
[AttributeUsage(AttributeTargets.Method)]
[TraitDiscoverer(GpuTrait.Discoverer, GpuTrait.Assembly)]
public sealed class OnDevicesAttribute() : ClassDataAttribute(typeof(TrainingDevices)), ITraitAttribute;

/// <summary>The trait, for a test that has devices among its other data.</summary>
[AttributeUsage(AttributeTargets.Method)]
[TraitDiscoverer(GpuTrait.Discoverer, GpuTrait.Assembly)]
public sealed class AmongDevicesAttribute : Attribute, ITraitAttribute;

/// <summary>Device=Gpu: what runs on a GPU where there is one.</summary>
public sealed class GpuTrait : ITraitDiscoverer
{
    public const string Name = "Device", Value = "Gpu", Discoverer = "Deq.MLNet.Tests.Training.GpuTrait", Assembly = "Deq.MLNet.Tests";

    public IEnumerable<KeyValuePair<string, string>> GetTraits(IAttributeInfo traitAttribute) =>
        // Only the facts that need a GPU have the argument, and those without it run anywhere.
        traitAttribute is IReflectionAttributeInfo { Attribute: TorchBackendFactAttribute { WithCuda: false } } ? [] : [new(Name, Value)];
}

public sealed class TrainingDevicesTests
{
    /// <summary>Where there is no GPU this is the one line that says so; the theories then run on the CPU alone.</summary>
    [TorchBackendFact(WithCuda = true)]
    public void Tests_of_training_also_run_on_the_gpu() => TrainingDevices.Names.Should().Equal("cpu", "cuda:0");

    [Fact]
    public void Every_test_that_takes_a_device_has_the_trait_by_which_it_is_picked()
    {
        var tests = typeof(TrainingDevicesTests).Assembly.GetTypes().SelectMany(t => t.GetMethods()).Where(m => m.IsDefined(typeof(FactAttribute), true)).ToList();
        bool HasTrait(System.Reflection.MethodInfo test) => TraitHelper.GetTraits(test).Any(t => t is { Key: GpuTrait.Name, Value: GpuTrait.Value });
        var taking = tests.Where(m => m.DeclaringType != typeof(TorchBackendDeviceTests) && m.GetParameters().Any(p => p.Name == "device")).ToList();

        taking.Should().HaveCountGreaterThan(30);
        taking.Where(m => !HasTrait(m)).Select(m => $"{m.DeclaringType!.Name}.{m.Name}").Should().BeEmpty();
        HasTrait(typeof(TrainingDevicesTests).GetMethod(nameof(Tests_of_training_also_run_on_the_gpu))!).Should().BeTrue();
        HasTrait(typeof(TrainingDevicesTests).GetMethod(nameof(Every_test_that_takes_a_device_has_the_trait_by_which_it_is_picked))!).Should().BeFalse();
    }
}

/// <summary>Tests that look at figures of the whole process run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeProcess
{
    public const string Name = "The whole process";
}

using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Where the tensors of a training stand, and how work is given to that device.</summary>
/// <param name="Device">The device.</param>
/// <param name="Type">The number type of everything: float32, or float64 for checks.</param>
internal sealed record TensorPlace(Device Device, ScalarType Type)
{
    /// <summary>Whether single rows are judged by operations of the device, as where asking for them costs a wait. On the CPU they are read in place; a test may have it both ways.</summary>
    public bool JudgesRows { get; init; } = Device.type != DeviceType.CPU;

    /// <summary>The place of a device that <see cref="TorchBackend.EnsureAvailable"/> returned.</summary>
    public static TensorPlace On(string device, ScalarType type = ScalarType.Float32) => new(torch.device(device), type);
}

using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Where the tensors of a training stand, and how work is given to that device.</summary>
/// <param name="Device">The device.</param>
/// <param name="Type">The number type of everything: float32, or float64 for checks.</param>
internal sealed record TensorPlace(Device Device, ScalarType Type)
{
    private readonly bool _judgesRows;

    /// <summary>Whether single rows are judged by operations of the device, as where asking for them costs a wait. On the CPU they are read in place, unless it is to do as a device does.</summary>
    public bool JudgesRows
    {
        get => _judgesRows || Device.type != DeviceType.CPU;
        init => _judgesRows = value;
    }

    /// <summary>Iterations between two tests of the residual where nothing is known of how long solves take, of methods that are not tested after each; null for the method's own. For measurements.</summary>
    public int? TestEvery { get; init; }

    /// <summary>Is told when parts of a step end; null for nobody.</summary>
    public IStepProbe? Probe { get; init; }

    /// <summary>Bytes that rows may take on the device; those that take more are copied in blocks. Null to go by what is free there. On the CPU all fits where this is null.</summary>
    public long? RoomForRows { get; init; }

    /// <summary>The place of a device that <see cref="TorchBackend.EnsureAvailable"/> returned.</summary>
    public static TensorPlace On(string device, ScalarType type = ScalarType.Float32) => new(torch.device(device), type);
}

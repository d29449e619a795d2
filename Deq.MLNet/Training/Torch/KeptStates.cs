using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>The state where each training row's last solve ended, on the device: N x d values, kept by the row's index, so that the order of rows does not matter. Zero before the first.</summary>
internal sealed class KeptStates(long rows, long size, Device device, ScalarType type) : IDisposable
{
    private readonly Tensor _states = zeros(rows, size, type, device).DetachFromDisposeScope();

    /// <summary>Writes the states of some rows into the second.</summary>
    public void Read(Tensor rows, Tensor z) => z.copy_(_states.index_select(0, rows));

    /// <summary>Keeps the states of some rows; zero instead of one that is not finite, from which no solve would come back.</summary>
    public void Keep(Tensor rows, Tensor z) => _states.index_copy_(0, rows.to(ScalarType.Int64), where(z.isfinite().all(1, keepdim: true), z, zeros_like(z)));

    public float[] ToArray() => DeviceReads.Floats(_states);

    public void Load(float[] states) => ParameterBuffer.Copy(states, _states);

    public void Dispose() => _states.Dispose();
}

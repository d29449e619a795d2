using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>The vector of a <see cref="PowerIteration"/> on a device, from step to step.</summary>
internal sealed class KeptVector : IDisposable
{
    private Tensor? _start, _kept;

    /// <summary>Lets the next step start anew.</summary>
    public void Reset()
    {
        _kept?.Dispose();
        _kept = null;
    }

    /// <summary>The vector (d) that was kept; where there is none, the start, and true.</summary>
    public (Tensor Vector, bool IsFresh) Take(Tensor w)
    {
        _start ??= tensor(PowerIteration.Start((int)w.shape[0])).to(w.dtype, w.device).DetachFromDisposeScope();
        return _kept is null ? (_start, true) : (_kept, false);
    }

    public void Keep(Tensor vector)
    {
        Reset();
        _kept = vector.DetachFromDisposeScope();
    }

    public void Dispose()
    {
        Reset();
        _start?.Dispose();
    }
}

using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Gradients;

/// <summary>
/// Iterates of a solve, evenly spread over however many there come to be: every which one is kept doubles whenever there are too many. They are kept until they are cleared.
/// </summary>
/// <param name="count">How many are wanted.</param>
internal sealed class IterateSample(int count) : IDisposable
{
    private readonly List<(Tensor Z, Tensor F)> _kept = [];
    private int _seen, _stride = 1;

    public void Begin()
    {
        Clear();
        (_seen, _stride) = (0, 1);
    }

    public void Dispose() => Clear();

    /// <summary>Forgets what was kept.</summary>
    public void Clear()
    {
        foreach (var (z, f) in _kept)
        {
            z.Dispose();
            f.Dispose();
        }
        _kept.Clear();
    }

    /// <summary>Sees the next iterate and the cell of it.</summary>
    public void Observe(Tensor z, Tensor f)
    {
        if (_seen++ % _stride != 0)
        {
            return;
        }
        if (_kept.Count == 2L * count)
        {
            for (var i = _kept.Count - 1; i > 0; i -= 2)
            {
                _kept[i].Z.Dispose();
                _kept[i].F.Dispose();
                _kept.RemoveAt(i);
            }
            _stride *= 2;
        }
        _kept.Add((z.clone().DetachFromDisposeScope(), f.clone().DetachFromDisposeScope()));
    }

    /// <summary>Up to as many as are wanted, evenly spread; not the last of the solve, which is its result.</summary>
    public IReadOnlyList<(Tensor Z, Tensor F)> Choose()
    {
        var before = (_seen - 1) % _stride == 0 ? _kept.Count - 1 : _kept.Count;
        var chosen = Math.Min(count, before);
        return [.. Enumerable.Range(0, Math.Max(chosen, 0)).Select(i => _kept[(int)((2L * i + 1) * before / (2 * chosen))])];
    }
}

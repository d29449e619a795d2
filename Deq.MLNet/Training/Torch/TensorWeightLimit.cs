using Deq.MLNet.Training.Torch.Projections;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Scales rows of weights down to a limit on their sums of magnitudes, without waiting for the device.</summary>
internal sealed class TensorWeightLimit(ParameterBuffer parameters, IEnumerable<BoundedRows> bounded, double limit) : IDisposable
{
    private readonly (Tensor Rows, double Margin)[] _bounded = [.. bounded.Select(rows => (parameters.View(rows.Offset, rows.Rows, rows.Length), rows.Length > 1 ? 1 + BoundMargins.OfNorm : 1))];

    public void Apply()
    {
        foreach (var (rows, margin) in _bounded)
        {
            using var scope = NewDisposeScope();
            Projection.ScaleDown(rows, rows.abs().sum(1, keepdim: true).MultiplyInPlace(margin), limit);
        }
    }

    public void Dispose()
    {
        foreach (var (rows, _) in _bounded)
        {
            rows.Dispose();
        }
    }
}

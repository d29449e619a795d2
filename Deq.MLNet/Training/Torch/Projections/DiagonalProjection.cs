using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>The nearest diagonal W whose entries are of a limit in magnitude at the most.</summary>
internal sealed class DiagonalProjection : Projection
{
    private readonly double _limit;

    /// <summary>The limit is rounded down to a number of float32, so that an entry can have it and not be above.</summary>
    public DiagonalProjection(double limit) => _limit = (float)limit <= limit ? (float)limit : MathF.BitDecrement((float)limit);

    public override void Restrict(Tensor gradient) => KeepDiagonal(gradient);

    protected override Tensor Project(Tensor w)
    {
        KeepDiagonal(w);
        return w.diagonal().LowerInPlace(_limit).RaiseInPlace(-_limit).abs().max();
    }

    /// <summary>Also where another entry is NaN.</summary>
    private static void KeepDiagonal(Tensor matrix) => matrix.tril_(0).triu_(0);
}

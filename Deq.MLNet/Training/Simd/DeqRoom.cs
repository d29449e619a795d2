using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Simd.Solvers;

namespace Deq.MLNet.Training.Simd;

/// <summary>The matrices of one batch of a deep equilibrium network. Made by one thread, before its blocks run.</summary>
internal sealed class DeqRoom
{
    public DeqRoom(SimdBatch batch, DeqShape shape, int blockRows, bool masked)
    {
        Batch = batch;
        PaddedMatrix New() => new(batch.Rows, shape.States);
        (Injection, Z, F, StateGradient, Slope, M, Next) = (New(), New(), New(), New(), New(), New(), New());
        Mask = masked ? New() : Injection;
        Skipped = shape.HasSkip ? new PaddedMatrix(batch.Rows, shape.Outputs) : batch.Outputs;
        var blocks = (batch.Rows + blockRows - 1) / blockRows;
        (Forward, Backward) = (new BlockSolution[blocks], new BlockSolution[blocks]);
    }

    public SimdBatch Batch { get; }

    /// <summary>u, B x d, as all that follow.</summary>
    public PaddedMatrix Injection { get; }

    /// <summary>Of the dropout; not to be used without one.</summary>
    public PaddedMatrix Mask { get; }

    /// <summary>The equilibria.</summary>
    public PaddedMatrix Z { get; }

    /// <summary>The cell of them.</summary>
    public PaddedMatrix F { get; }

    /// <summary>The gradient by the state.</summary>
    public PaddedMatrix StateGradient { get; }

    public PaddedMatrix Slope { get; }

    /// <summary>The gradient by the pre-activations.</summary>
    public PaddedMatrix M { get; }

    /// <summary>Its next iterate.</summary>
    public PaddedMatrix Next { get; }

    /// <summary>S x, B x K; not to be used without a skip connection.</summary>
    public PaddedMatrix Skipped { get; }

    /// <summary>How every block was solved.</summary>
    public BlockSolution[] Forward { get; }

    /// <summary>How the adjoint of every block was.</summary>
    public BlockSolution[] Backward { get; }

    /// <summary>The gradients of all weights as sums over the rows.</summary>
    public IReadOnlyList<GradientProduct> Products { get; set; } = [];
}

namespace Deq.MLNet.Training.Simd;

/// <summary>
/// A network in the memory of the process: outputs of a batch, and analytic gradients of its weights from those of the outputs. Rows go in blocks that know nothing of one another,
/// so that any number of threads gives the same numbers; what is summed over rows is summed afterwards, by <see cref="Products"/>.
/// </summary>
internal abstract class SimdModel
{
    public abstract SimdParameters Parameters { get; }

    /// <summary>Rows of one block, a multiple of 8: so many that the weights are read from memory seldom, so few that every thread gets some.</summary>
    public abstract int BlockRows { get; }

    /// <summary>The gradients of weights as sums over the rows of the batch last prepared.</summary>
    public abstract IReadOnlyList<GradientProduct> Products { get; }

    /// <summary>Called once, before the first step, with the number of training rows.</summary>
    public virtual void Attach(int rows) { }

    /// <summary>What is kept of each training row from epoch to epoch (N x d, without padding); null where nothing is.</summary>
    public virtual float[]? States => null;

    /// <summary>Makes what is random follow from the seed and the epoch.</summary>
    public virtual void BeginEpoch(int epoch) { }

    /// <summary>Makes room for a batch and takes the present weights; called by one thread, before its blocks.</summary>
    /// <param name="batch">The rows; X is filled.</param>
    /// <param name="training">Whether gradients will be asked for.</param>
    public abstract void Prepare(SimdBatch batch, bool training);

    /// <summary>Writes the outputs of a block. Blocks run at the same time on different threads.</summary>
    public abstract void Forward(RowBlock rows);

    /// <summary>Goes back from the gradient of the outputs of a block to what <see cref="Products"/> sum.</summary>
    public abstract void Backward(RowBlock rows);

    /// <summary>Called by one thread, after the blocks and before the gradients are read: adds up what blocks counted, in their order.</summary>
    public virtual void Collect() { }

    /// <summary>Takes out of the gradients what a step must not follow, so that it counts in no norm.</summary>
    public virtual void RestrictGradients() { }

    /// <summary>Brings the weights back under their rule after a step; by an estimate where a bound costs too much.</summary>
    public virtual void Project() { }

    /// <summary>Makes the weights certain to obey their rule, before anybody reads them.</summary>
    public virtual void Enforce() { }

    public abstract Network ToNetwork();

    /// <summary>The solve figures since the last read, and starts anew.</summary>
    public virtual SolveFigures ReadFigures() => SolveFigures.None;
}

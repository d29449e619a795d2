namespace Deq.MLNet.Training;

/// <summary>Where a training stands before a batch.</summary>
/// <param name="Batch">The batch, from 0.</param>
/// <param name="Batches">All batches of the training, if no rule stops it before.</param>
internal readonly record struct TrainingPosition(long Batch, long Batches);

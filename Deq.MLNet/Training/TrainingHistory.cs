namespace Deq.MLNet;

/// <summary>One epoch of a training.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="TrainingLoss">The mean loss over the epoch's batches, each before its step, over labels in their own units.</param>
/// <param name="ValidationLoss">The mean loss over the validation rows after the epoch; null without them.</param>
/// <param name="TrainingMetric">Over the epoch's batches, each before its step: the root mean squared error in units of the label for regression, the accuracy in [0, 1] for classification. Losses and metrics are weighted by the rows' weights and, where there are any, those of their classes.</param>
/// <param name="ValidationMetric">The same over the validation rows after the epoch; null without them.</param>
/// <param name="LearningRate">The learning rate of the epoch's last batch.</param>
/// <param name="MeanIterations">Evaluations of the cell per batch, mean; 0 for a feed-forward network.</param>
/// <param name="WorstIterations">Evaluations of the cell, of the batch that took most.</param>
/// <param name="WorstResidual">The largest residual of a row at the end of its batch's solve, scaled as <see cref="RowSolution.Residual"/>.</param>
/// <param name="WorstGradientResidual">The same of the adjoint system that gives the implicit gradient; 0 where the gradient rule solves none.</param>
/// <param name="UnsolvedRows">Rows whose equilibrium was not found to the training tolerance in this epoch; 0 for a feed-forward network.</param>
/// <param name="UnsolvedGradientRows">Rows whose adjoint system was not solved to its tolerance in this epoch: their gradients, and the steps taken by them, are not what they should be.</param>
/// <param name="ContractionBound">What <see cref="WellPosedness"/> limits, bounded from above at the epoch's end. Of a rule of contraction it is the contraction factor: Lip(phi) times the norm of W that the rule goes by, at most its bound (times 1 - Dropout).
/// Under a monotone rule it is the largest eigenvalue of (W + W') / 2, at most 1 - margin. NaN for a strictly triangular W, which needs no bound, and without a rule.</param>
/// <param name="Seconds">Wall-clock time of the epoch, validation included.</param>
public sealed record TrainingEpoch(int Epoch, double TrainingLoss, double? ValidationLoss, double TrainingMetric, double? ValidationMetric, double LearningRate, double MeanIterations,
    int WorstIterations, double WorstResidual, double WorstGradientResidual, int UnsolvedRows, int UnsolvedGradientRows, double ContractionBound, double Seconds);

/// <summary>What a training did, epoch by epoch.</summary>
/// <param name="Epochs">The epochs that were run; of several starts those of the one that went on.</param>
/// <param name="BestEpoch">The epoch whose weights the model has: that of the least validation loss with early stopping, else the last; 0 where nothing was trained.</param>
/// <param name="Seed">The seed that was used: with the same data, options, machine and thread count it gives the same weights.</param>
/// <param name="Device">The device that trained, such as cpu or cuda:0.</param>
/// <param name="Engine">What trained: Torch, Simd or Direct; Auto where nothing was trained.</param>
public sealed record TrainingHistory(IReadOnlyList<TrainingEpoch> Epochs, int BestEpoch, int Seed, string Device, Engine Engine);

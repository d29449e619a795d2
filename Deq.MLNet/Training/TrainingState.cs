namespace Deq.MLNet.Training;

/// <summary>All that a training needs to go on after its last epoch as if it had not been stopped. The order of rows and the dropout follow from the seed.</summary>
/// <param name="Epochs">The epochs that are done.</param>
/// <param name="Weights">The weights after the last of them, for standardised rows.</param>
/// <param name="Optimizer">The optimizer's memory.</param>
/// <param name="Best">What early stopping would restore; null without it.</param>
/// <param name="States">Where the next solve of each training row starts; null where it starts from zero.</param>
internal sealed record TrainingState(IReadOnlyList<TrainingEpoch> Epochs, float[] Weights, OptimizerState Optimizer, BestWeights? Best, float[]? States);

/// <summary>What an optimizer remembers of earlier steps.</summary>
/// <param name="Steps">How many there were, where the rule goes by it.</param>
/// <param name="Moments">Running means, each as long as the weights.</param>
internal sealed record OptimizerState(long Steps, IReadOnlyList<float[]> Moments)
{
    /// <summary>What else it remembers, of the whole.</summary>
    public IReadOnlyList<double> Numbers { get; init; } = [];
}

/// <summary>The weights of the epoch with the least validation loss.</summary>
internal sealed record BestWeights(int Epoch, double Loss, float[] Weights);

/// <summary>Keeps the state of one training where a later process finds it.</summary>
internal interface ITrainingCheckpoint
{
    /// <summary>Epochs from one state to the next; the state after the last epoch is written too.</summary>
    int EveryEpochs { get; }

    /// <summary>Called once, before the others: what was last written of this training; null where nothing was.</summary>
    /// <exception cref="DeqException">What is there belongs to another training.</exception>
    /// <exception cref="ModelFormatException">What is there is damaged.</exception>
    /// <exception cref="IOException">Nothing can be written there.</exception>
    TrainingState? Begin(TrainingIdentity training);

    /// <summary>The exception which says that what <see cref="Begin"/> gave cannot be of this training, and the remedy.</summary>
    ModelFormatException Damaged(string why);

    /// <summary>Replaces what was written before, whole or not at all.</summary>
    void Write(TrainingState state);
}

namespace Deq.MLNet.Training;

/// <summary>
/// The seam between the training loop and the machine that trains. An engine owns the parameters, gradients, optimizer state and the data given to it,
/// so that one on a device never has to come back to the host between steps. A step projects W onto its rule before it ends, where that is costly by an estimate;
/// before weights are read or a training's figures are, their rule is made certain.
/// </summary>
internal interface ITrainingEngine : IDisposable
{
    /// <summary>Which one it is.</summary>
    Engine Kind { get; }

    /// <summary>The device that trains, such as cpu or cuda:0.</summary>
    string Device { get; }

    /// <summary>Takes the training rows, called once, before the first step. An engine may share the arrays of these and of those it evaluates: nobody writes to them while it lives.</summary>
    void Attach(TrainingData data);

    /// <summary>What a user may want to know of where the attached rows are; null for nothing.</summary>
    string? Notice => null;

    /// <summary>Called before the first step of an epoch, from 1: what is random in it follows from the seed and the epoch alone.</summary>
    void BeginEpoch(int epoch);

    /// <summary>The order of training rows, by their indices, that steps go by from here on: one transfer to a device for all steps of an epoch. Nobody writes to the array before the last of these steps.</summary>
    void Order(int[] rows);

    /// <summary>One step of the optimizer on consecutive rows of the order.</summary>
    /// <param name="start">The first one's place in it.</param>
    /// <param name="count">How many.</param>
    /// <param name="learningRate">Of this step.</param>
    void Step(int start, int count, double learningRate);

    /// <summary>What happened since the last read. A device is waited for here, and for the tests of solves.</summary>
    EngineMetrics ReadMetrics();

    /// <summary>The mean loss and metric over other rows with the present weights.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="checkCancelled">Called between batches; throws to stop.</param>
    MeanLoss Evaluate(TrainingData data, Action checkCancelled);

    /// <summary>The present weights.</summary>
    Network ToNetwork();

    /// <summary>The present weights as one array, in an order of the engine's own.</summary>
    float[] ReadWeights();

    /// <summary>Replaces the weights by what <see cref="ReadWeights"/> gave.</summary>
    void LoadWeights(float[] weights);

    /// <summary>What is kept of each training row from epoch to epoch, as one array; null where nothing is.</summary>
    float[]? ReadStates();

    /// <summary>Replaces what is kept of the rows by what <see cref="ReadStates"/> gave.</summary>
    void LoadStates(float[] states);

    /// <summary>What the optimizer remembers.</summary>
    OptimizerState ReadOptimizer();

    /// <summary>Replaces what the optimizer remembers by what <see cref="ReadOptimizer"/> gave.</summary>
    void LoadOptimizer(OptimizerState state);
}

/// <summary>A weighted mean over rows, over standardised targets.</summary>
/// <param name="Loss">Of the loss.</param>
/// <param name="Metric">Of the squared error of the prediction, or of 1 where the class is right and 0 where not.</param>
internal readonly record struct MeanLoss(double Loss, double Metric);

/// <summary>Figures of the steps since the last read.</summary>
/// <param name="Training">Mean loss and metric, weighted, each batch before its step.</param>
/// <param name="MeanIterations">Evaluations of the cell per batch.</param>
/// <param name="WorstIterations">Evaluations of the cell, of the batch that took most.</param>
/// <param name="WorstResidual">The largest residual left by a forward solve.</param>
/// <param name="WorstGradientResidual">The largest residual left by an adjoint solve.</param>
/// <param name="UnsolvedRows">Rows whose forward solve did not meet its tolerance.</param>
/// <param name="UnsolvedGradientRows">Rows whose adjoint solve did not.</param>
/// <param name="ContractionBound">What the rule limits, from above, at the last projection, as <see cref="TrainingEpoch.ContractionBound"/> says; NaN without a bound.</param>
/// <param name="WeightsFinite">Whether every weight is finite.</param>
internal readonly record struct EngineMetrics(MeanLoss Training, double MeanIterations, int WorstIterations, double WorstResidual,
    double WorstGradientResidual, int UnsolvedRows, int UnsolvedGradientRows, double ContractionBound, bool WeightsFinite)
{
    /// <summary>Evaluations of the adjoint per batch, where the gradient is implicit; else 0. For measurements.</summary>
    public double MeanGradientIterations { get; init; }

    /// <summary>Iterations of rows, forward and adjoint together, as they were computed; 0 where the engine does not count them. For measurements.</summary>
    public long RowIterations { get; init; }
}

using Microsoft.ML;

namespace Deq.MLNet.Samples;

/// <summary>Data, the trainers that are compared on it, and what is measured.</summary>
/// <typeparam name="TRow">A scored row.</typeparam>
/// <param name="Name">As the output shows it.</param>
/// <param name="Load">Loads the rows.</param>
/// <param name="Candidates">The trainers.</param>
/// <param name="Pipeline">Puts the same transforms before every trainer.</param>
/// <param name="MetricNames">What is measured, the main metric first.</param>
/// <param name="Measure">Measures scored rows.</param>
internal sealed record LearningTask<TRow>(string Name, Func<MLContext, IDataView> Load, IReadOnlyList<Candidate> Candidates,
    Func<MLContext, IEstimator<ITransformer>, IEstimator<ITransformer>> Pipeline, string[] MetricNames, Func<MLContext, IDataView, double[]> Measure);

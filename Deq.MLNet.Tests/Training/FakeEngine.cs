using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>An engine that does no arithmetic: it keeps what it is asked for and answers from a script, one entry an epoch. Its network's bias is the number of epochs trained.</summary>
internal sealed class FakeEngine : ITrainingEngine
{
    private int[] _order = [];

    public List<List<int[]>> Epochs { get; } = [[]];

    public List<double> Rates { get; } = [];

    public int Disposed { get; private set; }

    public TrainingData? Attached { get; private set; }

    public Func<int, double> Loss { get; init; } = epoch => 1.0 / epoch;

    public Func<int, double> ValidationLoss { get; init; } = epoch => 1.0 / epoch;

    public Func<int, double> Metric { get; init; } = epoch => 4.0 / (epoch * epoch);

    public Func<int, int> Unsolved { get; init; } = _ => 0;

    public Func<int, int> UnsolvedGradients { get; init; } = _ => 0;

    /// <summary>What is kept of rows; null for nothing.</summary>
    public float[]? States { get; set; }

    public float[]? ReadStates() => States;

    public void LoadStates(float[] states) => States = states;

    public Func<int, bool> Finite { get; init; } = _ => true;

    /// <summary>The epoch whose weights the engine has.</summary>
    public int Weights { get; private set; }

    /// <summary>The steps of the engine whose state this one was given.</summary>
    public long StepsBefore { get; private set; }

    public Engine Kind => Engine.Simd;

    public string Device => "fake";

    public void Attach(TrainingData data) => Attached = data;

    public List<int> Begun { get; } = [];

    public void BeginEpoch(int epoch) => Begun.Add(epoch);

    public void Order(int[] rows) => _order = rows;

    public void Step(int start, int count, double learningRate)
    {
        Epochs[^1].Add(_order[start..(start + count)]);
        Rates.Add(learningRate);
    }

    public EngineMetrics ReadMetrics()
    {
        Weights++;
        Epochs.Add([]);
        return new EngineMetrics(new MeanLoss(Loss(Weights), Metric(Weights)), 5, 9, 0.25, 0.5, Unsolved(Weights), UnsolvedGradients(Weights), 0.75, Finite(Weights));
    }

    public MeanLoss Evaluate(TrainingData data, Action checkCancelled) => new(ValidationLoss(Weights), Metric(Weights));

    public Network ToNetwork() => new FnnNetwork([new DenseLayer(new float[] { 1 }, new float[] { Weights })], Activation.ReLU);

    public float[] ReadWeights() => [Weights];

    public void LoadWeights(float[] weights) => Weights = (int)weights[0];

    public OptimizerState ReadOptimizer() => new(Rates.Count, []);

    public void LoadOptimizer(OptimizerState state) => StepsBefore = state.Steps;

    public void Dispose() => Disposed++;
}

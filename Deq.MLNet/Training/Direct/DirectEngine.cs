using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Direct.Optimizers;
using Deq.MLNet.Training.Losses;

namespace Deq.MLNet.Training.Direct;

/// <summary>
/// Trains small networks in float64: equilibria and gradients by direct solution. An optimizer of full batches goes over all rows in every step.
/// Whatever the number of threads is, the weights are the same, bit for bit.
/// </summary>
internal sealed class DirectEngine : ITrainingEngine
{
    /// <summary>Rows of one evaluation at the most.</summary>
    private const int EvaluationRows = 1024;

    /// <summary>Multiplications and additions of a step that are worth a thread.</summary>
    private const double OperationsOfThread = 1 << 25;

    private readonly TrainingSettings _settings;
    private readonly DirectModel _model;
    private readonly DirectOptimizer _optimizer;
    private readonly int _moving;
    private readonly Objective _objective, _evaluation;
    private readonly SolveCounts _counts = new();
    private Workers _workers = new(1);
    private TrainingData? _training;
    private int[] _order = [];
    private LossSums _sums;
    private bool _closed;

    /// <summary>Makes an engine that starts from a network.</summary>
    /// <param name="settings">How to train.</param>
    /// <param name="initial">The network to start from, over standardised rows.</param>
    public DirectEngine(TrainingSettings settings, Network initial)
    {
        _settings = settings;
        _model = (settings.Architecture, initial) switch
        {
            (DeqArchitecture architecture, DeqNetwork network) => new DirectDeq(architecture, network, settings),
            (FnnArchitecture architecture, FnnNetwork network) => new DirectFnn(architecture, network, settings),
            _ => throw new NotSupportedException($"{settings.Architecture} does not fit {initial.GetType().Name}."),
        };
        _model.Freeze(false);
        _moving = _model.IsFree.Count(isFree => isFree);
        _model.Freeze(settings.FrozenEpochs > 0);
        _optimizer = DirectOptimizer.Create(settings.Optimizer, _model.Weights.Length, settings.WeightDecay);
        var loss = new DirectLoss(settings.Loss);
        _objective = new Objective(_model, loss, settings.Optimizer.IsFullBatch ? settings.WeightDecay : 0);
        _evaluation = new Objective(_model, loss, 0);
    }

    public Engine Kind => Engine.Direct;

    public string Device => "cpu";

    /// <exception cref="DeqException">A step over so many rows is more than arrays or the memory hold.</exception>
    public void Attach(TrainingData data)
    {
        CheckMemory(data.Rows);
        _training = data;
        _workers.Dispose();
        _workers = new Workers(_settings.Threads ?? ThreadsFor(data.Rows));
        _objective.Use(_workers);
        _evaluation.Use(_workers);
        if (_settings.Optimizer.IsFullBatch)
        {
            _objective.Take(data, [.. Enumerable.Range(0, data.Rows)]);
        }
    }

    public void BeginEpoch(int epoch)
    {
        _model.Freeze(epoch <= _settings.FrozenEpochs);
        if (_settings.FrozenEpochs > 0 && epoch == _settings.FrozenEpochs + 1)
        {
            _optimizer.Restart();
        }
    }

    public void Order(int[] rows) => _order = rows;

    public void Step(int start, int count, double learningRate)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (!_settings.Optimizer.IsFullBatch)
        {
            _objective.Take(_training!, _order.AsSpan(start, count));
        }
        var from = _optimizer.Step(_objective, learningRate, _settings.GradientClip);
        _sums += from.Value.Sums;
        _counts.Forward(from.Value.Solution);
        _counts.Backward(from.Adjoint);
    }

    public EngineMetrics ReadMetrics()
    {
        var (mean, figures) = (_sums.Mean, _counts.Read(_model.ContractionBound()));
        _sums = default;
        return new EngineMetrics(mean, figures.MeanIterations, figures.WorstIterations, figures.WorstResidual, figures.WorstGradientResidual,
            figures.UnsolvedRows, figures.UnsolvedGradientRows, figures.ContractionBound, Kernels.AllFinite<double>(_model.Weights))
        { MeanGradientIterations = figures.MeanGradientIterations };
    }

    public MeanLoss Evaluate(TrainingData data, Action checkCancelled)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var sums = default(LossSums);
        for (var start = 0; start < data.Rows; start += EvaluationRows)
        {
            checkCancelled();
            _evaluation.Take(data, [.. Enumerable.Range(start, Math.Min(EvaluationRows, data.Rows - start))]);
            sums += _evaluation.Evaluate().Sums;
        }
        return sums.Mean;
    }

    public Network ToNetwork() => _model.ToNetwork();

    /// <summary>The weights in the network's order, each as two numbers that have the bits of a float64.</summary>
    public float[] ReadWeights() => DirectOptimizer.ToFloats(_model.Weights);

    public void LoadWeights(float[] weights)
    {
        if (weights.Length != 2 * _model.Weights.Length)
        {
            throw new ArgumentException($"{weights.Length} weights were given; this training has {2 * _model.Weights.Length}, two for each of float64.", nameof(weights));
        }
        DirectOptimizer.FromFloats(weights).CopyTo(_model.Weights);
        _optimizer.Forget();
    }

    /// <summary>Nothing is kept of rows.</summary>
    public float[]? ReadStates() => null;

    public void LoadStates(float[] states) => throw new ArgumentException($"{states.Length} states were given; this training has none.", nameof(states));

    public OptimizerState ReadOptimizer() => _optimizer.Read();

    public void LoadOptimizer(OptimizerState state) => _optimizer.Load(state);

    /// <summary>The gradient of the mean loss over some rows, in the order of the weights.</summary>
    internal double[] Gradient(int[] rows)
    {
        var gradient = new double[_model.Weights.Length];
        _evaluation.Take(_training!, rows);
        _evaluation.Evaluate();
        _evaluation.Gradient(gradient);
        return gradient;
    }

    public void Dispose()
    {
        _closed = true;
        _workers.Dispose();
    }

    /// <summary>What a step holds in float64: the signals of its rows, and of least squares the Jacobian, transposed too where weights are more than rows, and the equations twice.</summary>
    private void CheckMemory(int rows)
    {
        double step = Math.Min(rows, _settings.BatchSize), moving = _moving;
        var isLeastSquares = _settings.Optimizer is LevenbergMarquardt;
        var (jacobian, size) = isLeastSquares ? (step * moving, Math.Min(step, moving)) : (0, 0);
        var largest = Math.Max(Math.Max(step * _model.SignalCount, jacobian), size * size);
        var bytes = sizeof(double) * (step * _model.SignalCount + (moving > step ? 2 : 1) * jacobian + 2 * size * size);
        // An array's rows are padded to whole vectors.
        if (1.01 * largest > Array.MaxLength || bytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
        {
            var remedy = isLeastSquares ? "Set Optimizer to LBfgs, or to Adam with a small BatchSize; or give fewer rows" : _settings.Optimizer.IsFullBatch ? "Set Optimizer to Adam with a small BatchSize, or give fewer rows" : "Lower BatchSize";
            throw new DeqException(FormattableString.Invariant($"A step of {_settings.Optimizer.GetType().Name} over {step} rows with {_moving} weights that move needs {bytes / (1 << 30):G3} GiB, and one array of {largest:G3} values, which is more than there is room for. {remedy}."));
        }
    }

    /// <summary>One for every 2^25 operations of a step, and at least one.</summary>
    private int ThreadsFor(int rows)
    {
        var (weights, step) = ((double)_model.Weights.Length, (double)Math.Min(rows, _settings.BatchSize));
        var systems = _settings.Architecture is DeqArchitecture { Rule: not StrictlyTriangularRule } deq ? Math.Pow(deq.StateSize, 3) * step : 0;
        var operations = systems + (_settings.Optimizer is LevenbergMarquardt ? weights * step * Math.Min(weights, step) : 6 * weights * step);
        return (int)Math.Clamp(operations / OperationsOfThread, 1, Environment.ProcessorCount);
    }
}

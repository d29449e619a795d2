using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Trains on a device of libtorch. Parameters, gradients, optimizer state and rows stay there; one dispose scope bounds a step.</summary>
internal sealed class TorchEngine : ITrainingEngine
{
    /// <summary>State sizes up to this are too small for more than one thread to pay.</summary>
    private const int SmallSize = 128;

    /// <summary>Rows of one evaluation at the most.</summary>
    private const int EvaluationRows = 2048;

    private readonly TrainingSettings _settings;
    private readonly TensorPlace _place;
    private readonly TensorModel _model;
    private readonly TensorOptimizer _optimizer;
    /// <summary>Sums over rows since the last read, in float64: loss, metric and weight.</summary>
    private readonly Tensor _sums;
    private readonly TorchThreads _threads;
    /// <summary>Whether there were steps since the rule was enforced.</summary>
    private bool _moved;
    private DeviceRows? _rows;
    private (TrainingData Data, DeviceRows Rows)? _evaluated;

    /// <summary>Makes an engine of float32 that starts from a network.</summary>
    /// <param name="settings">How to train.</param>
    /// <param name="initial">The network to start from, over standardised rows.</param>
    /// <param name="device">A device that <see cref="TorchBackend.EnsureAvailable"/> returned.</param>
    public TorchEngine(TrainingSettings settings, Network initial, string device) : this(settings, initial, TensorPlace.On(device)) { }

    /// <summary>Makes an engine that starts from a network.</summary>
    /// <param name="settings">How to train.</param>
    /// <param name="initial">The network to start from, over standardised rows.</param>
    /// <param name="place">Where its tensors stand.</param>
    public TorchEngine(TrainingSettings settings, Network initial, TensorPlace place)
    {
        (_settings, _place) = (settings, place);
        _model = (settings.Architecture, initial) switch
        {
            (DeqArchitecture architecture, DeqNetwork network) => new TensorDeq(architecture, network, settings.Seed, place),
            (FnnArchitecture architecture, FnnNetwork network) => new TensorFnn(architecture, network, settings.Seed, place),
            _ => throw new NotSupportedException($"{settings.Architecture} does not fit {initial.GetType().Name}."),
        };
        try
        {
            _optimizer = TensorOptimizer.Create(settings.Optimizer, _model.Parameters, settings.WeightDecay);
            _sums = zeros(3, ScalarType.Float64, place.Device).DetachFromDisposeScope();
            // Last: a constructor that fails must leave the process as it was.
            _threads = new TorchThreads(settings.Threads ?? DefaultThreads(settings.Architecture));
        }
        catch
        {
            _model.Dispose();
            _optimizer?.Dispose();
            _sums?.Dispose();
            throw;
        }
    }

    public Engine Kind => Engine.Torch;

    public string Device => _place.Device.ToString();

    public void Attach(TrainingData data)
    {
        _rows = new DeviceRows(data, _place);
        _model.Attach(data.Rows);
    }

    public void BeginEpoch(int epoch) => _model.BeginEpoch(epoch);

    public void Order(int[] rows) => _rows!.Order(rows);

    public void Step(int start, int count, double learningRate)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        ComputeGradients(start, count);
        _model.RestrictGradients();
        if (_settings.GradientClip is { } limit)
        {
            var gradients = _model.Parameters.Gradients;
            gradients.mul_(gradients.norm().AddInPlace(1e-30).reciprocal_().MultiplyInPlace(limit).LowerInPlace(1));
        }
        _optimizer.Step(learningRate);
        _model.Project();
        _moved = true;
    }

    public EngineMetrics ReadMetrics()
    {
        Enforce();
        using var scope = NewDisposeScope();
        var figures = _model.ReadFigures();
        var mean = Mean(_sums);
        var finite = DeviceReads.Number(_model.Parameters.Values.isfinite().all()) != 0;
        _sums.zero_();
        return new EngineMetrics(mean, figures.MeanIterations, figures.WorstIterations, figures.WorstResidual, figures.WorstGradientResidual,
            figures.UnsolvedRows, figures.UnsolvedGradientRows, figures.ContractionBound, finite);
    }

    public MeanLoss Evaluate(TrainingData data, Action checkCancelled)
    {
        Enforce();
        using var mode = no_grad();
        if (_evaluated?.Data != data)
        {
            _evaluated?.Rows.Dispose();
            _evaluated = (data, new DeviceRows(data, _place));
        }
        using var sums = zeros_like(_sums);
        for (long start = 0; start < data.Rows; start += EvaluationRows)
        {
            checkCancelled();
            using var scope = NewDisposeScope();
            var batch = _evaluated.Value.Rows.Slice(start, Math.Min(EvaluationRows, data.Rows - start));
            sums.AddInPlace(new BatchLoss(_settings.Loss, batch).Of(_model.Forward(batch.X, null)).Sums);
        }
        return Mean(sums);
    }

    public Network ToNetwork()
    {
        Enforce();
        return _model.ToNetwork();
    }

    public float[] ReadWeights()
    {
        Enforce();
        return DeviceReads.Floats(_model.Parameters.Values);
    }

    public void LoadWeights(float[] weights)
    {
        ParameterBuffer.Copy(weights, _model.Parameters.Values);
        _moved = false;
    }

    public OptimizerState ReadOptimizer() => _optimizer.Read();

    public void LoadOptimizer(OptimizerState state) => _optimizer.Load(state);

    public float[]? ReadStates() => _model.States?.ToArray();

    public void LoadStates(float[] states) => _model.States!.Load(states);

    /// <summary>The gradient of the mean loss over some rows, in the order of the parameters (those of the network's shape, or layer by layer), in float64.</summary>
    internal double[] Gradient(int[] rows)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Order(rows);
        ComputeGradients(0, rows.Length);
        return DeviceReads.Doubles(_model.Parameters.Gradients);
    }

    public void Dispose()
    {
        _rows?.Dispose();
        _evaluated?.Rows.Dispose();
        _model.Dispose();
        _optimizer.Dispose();
        _sums.Dispose();
        _threads.Dispose();
    }

    private void Enforce()
    {
        if (_moved)
        {
            using var mode = no_grad();
            _model.Enforce();
            _moved = false;
        }
    }

    private void ComputeGradients(int start, int count)
    {
        var batch = _rows!.Take(start, count);
        var loss = new BatchLoss(_settings.Loss, batch);
        var (sums, outputGradient) = loss.Of(_model.Forward(batch.X, batch.Rows));
        _sums.AddInPlace(sums);
        _model.Backward(outputGradient, loss);
    }

    private static MeanLoss Mean(Tensor sums)
    {
        var values = DeviceReads.Doubles(sums);
        return new MeanLoss(values[0] / values[2], values[1] / values[2]);
    }

    private static int DefaultThreads(Architecture architecture) => architecture.LargestLayer() <= SmallSize ? 1 : Environment.ProcessorCount;
}

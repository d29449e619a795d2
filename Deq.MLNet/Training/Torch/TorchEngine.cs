using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Trains on a device of libtorch. Parameters, gradients, optimizer state and rows stay there; one dispose scope bounds a step.</summary>
internal sealed class TorchEngine : ITrainingEngine
{
    /// <summary>State sizes up to this are too small for more than one thread to pay.</summary>
    private const int SmallSize = 128;

    /// <summary>Rows of one evaluation at the most. A device whose rows are judged on it is one that fewer than a batch would leave idle.</summary>
    private const int EvaluationRows = 2048;

    private readonly TrainingSettings _settings;
    private readonly TensorPlace _place;
    private readonly DeviceErrors _device;
    private readonly TensorModel _model;
    private readonly TensorOptimizer _optimizer;
    private readonly TensorWeightLimit? _limit;
    /// <summary>Sums over rows since the last read, in float64: loss, metric and weight.</summary>
    private readonly Tensor _sums;
    private readonly TorchThreads _threads;
    private readonly TorchMatmul _matmul;
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
        (_settings, _place, _device) = (settings, place, new DeviceErrors(settings, place));
        _model = _device.At<TensorModel>("the weights", 0, () => (settings.Architecture, initial) switch
        {
            (DeqArchitecture architecture, DeqNetwork network) => new TensorDeq(architecture, network, settings, place),
            (FnnArchitecture architecture, FnnNetwork network) => new TensorFnn(architecture, network, settings.Seed, place),
            _ => throw new NotSupportedException($"{settings.Architecture} does not fit {initial.GetType().Name}."),
        });
        try
        {
            _optimizer = _device.At("the optimizer's state", 0, () => TensorOptimizer.Create(settings.Optimizer, _model.Parameters, settings.WeightDecay));
            _limit = settings.MaxWeightNorm is { } limit ? new TensorWeightLimit(_model.Parameters, BoundedRows.Of(initial), limit) : null;
            _sums = zeros(3, ScalarType.Float64, place.Device).DetachFromDisposeScope();
            // Last, and undone below: a constructor that fails must leave the process as it was.
            _threads = new TorchThreads(settings.Threads ?? DefaultThreads(settings.Architecture));
            _matmul = new TorchMatmul(settings.MatmulPrecision);
        }
        catch
        {
            _model.Dispose();
            _optimizer?.Dispose();
            _limit?.Dispose();
            _sums?.Dispose();
            _threads?.Dispose();
            throw;
        }
    }

    public Engine Kind => Engine.Torch;

    public string Device => _place.Device.ToString();

    public string? Notice => _rows?.Notice;

    private int RowsOfEvaluation => _place.JudgesRows ? Math.Max(EvaluationRows, _settings.BatchSize) : EvaluationRows;

    public void Attach(TrainingData data)
    {
        // Kept states must stand on the device; rows need not.
        _device.At($"the kept states of {data.Rows} rows", 0, () => _model.Attach(data.Rows));
        _rows = _device.At("the training rows", 0, () => DeviceRows.Create(data, _place, _settings.BatchSize));
    }

    public void BeginEpoch(int epoch) => _model.BeginEpoch(epoch);

    public void Order(int[] rows) => _device.At("the order", 0, () => _rows!.Order(rows));

    public void Step(int start, int count, double learningRate) => _device.At("a step", count, () => Train(start, count, learningRate));

    private void Train(int start, int count, double learningRate)
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
        _limit?.Apply();
        _place.Probe?.Ended(StepPhase.Optimizer);
        _moved = true;
    }

    // Where a device fails, this is often the first to hear of it.
    public EngineMetrics ReadMetrics() => _device.At("the figures", 0, Metrics);

    private EngineMetrics Metrics()
    {
        Enforce();
        using var scope = NewDisposeScope();
        var figures = _model.ReadFigures();
        var mean = Mean(_sums);
        var finite = DeviceReads.Number(_model.Parameters.Values.isfinite().all()) != 0;
        _sums.zero_();
        return new EngineMetrics(mean, figures.MeanIterations, figures.WorstIterations, figures.WorstResidual, figures.WorstGradientResidual,
            figures.UnsolvedRows, figures.UnsolvedGradientRows, figures.ContractionBound, finite)
        {
            MeanGradientIterations = figures.MeanGradientIterations,
        };
    }

    public MeanLoss Evaluate(TrainingData data, Action checkCancelled) =>
        _device.At("an evaluation", Math.Min(RowsOfEvaluation, data.Rows), () => MeanOver(data, checkCancelled));

    private MeanLoss MeanOver(TrainingData data, Action checkCancelled)
    {
        Enforce();
        using var mode = no_grad();
        if (_evaluated?.Data != data)
        {
            _evaluated?.Rows.Dispose();
            _evaluated = null;
            _evaluated = (data, DeviceRows.Create(data, _place, RowsOfEvaluation));
        }
        using var sums = zeros_like(_sums);
        for (long start = 0; start < data.Rows; start += RowsOfEvaluation)
        {
            checkCancelled();
            using var scope = NewDisposeScope();
            var batch = _evaluated.Value.Rows.Take(start, Math.Min(RowsOfEvaluation, data.Rows - start));
            sums.AddInPlace(new BatchLoss(_settings.Loss, batch).Of(_model.Forward(batch.X, null)).Sums);
        }
        return Mean(sums);
    }

    public Network ToNetwork() => _device.At("the weights", 0, () =>
    {
        Enforce();
        return _model.ToNetwork();
    });

    public float[] ReadWeights() => _device.At("the weights", 0, () =>
    {
        Enforce();
        return DeviceReads.Floats(_model.Parameters.Values);
    });

    public void LoadWeights(float[] weights)
    {
        _device.At("the weights", 0, () => ParameterBuffer.Copy(weights, _model.Parameters.Values));
        _moved = false;
    }

    public OptimizerState ReadOptimizer() => _device.At("the optimizer's state", 0, _optimizer.Read);

    public void LoadOptimizer(OptimizerState state) => _device.At("the optimizer's state", 0, () => _optimizer.Load(state));

    public float[]? ReadStates() => _device.At("the kept states", 0, () => _model.States?.ToArray());

    public void LoadStates(float[] states) => _device.At("the kept states", 0, () => _model.States!.Load(states));

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
        _limit?.Dispose();
        _sums.Dispose();
        _threads.Dispose();
        _matmul.Dispose();
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
        _place.Probe?.Ended(StepPhase.Gather);
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

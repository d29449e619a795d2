using System.Numerics.Tensors;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Losses;

namespace Deq.MLNet.Training.Simd;

/// <summary>Trains in the memory of the process, without native code. Rows go in blocks on a fixed number of threads; whatever that number is, the weights are the same, bit for bit.</summary>
internal sealed class SimdEngine : ITrainingEngine
{
    /// <summary>Rows of one evaluation at the most.</summary>
    private const int EvaluationRows = 1024;

    private readonly TrainingSettings _settings;
    private readonly (int Features, int Outputs) _sizes;
    private readonly SimdModel _model;
    private readonly SimdLoss _loss;
    private readonly SimdOptimizer _optimizer;
    private readonly SimdWeightLimit? _limit;
    /// <summary>One for each number of rows: that of a whole batch and of the last of an epoch, of training and of evaluation.</summary>
    private readonly Dictionary<(int Rows, bool Training), SimdBatch> _batches = [];
    private readonly Action<int> _trainBlock, _evaluateBlock, _sumRows, _moveWeights;
    private LossSums[] _blockSums = [];
    private double[] _partSums = [];
    private LossSums _sums;
    private Workers _workers = new(1);
    private bool _closed;
    /// <summary>Whether a step was made since the weights were last made certain to obey their rule.</summary>
    private bool _moved;
    private TrainingData? _training;
    private int[] _order = [];
    /// <summary>What blocks are of.</summary>
    private (SimdBatch Batch, TrainingData Data) _now;

    /// <summary>Makes an engine that starts from a network.</summary>
    /// <param name="settings">How to train.</param>
    /// <param name="initial">The network to start from, over standardised rows.</param>
    /// <param name="form">Of vectors; null for the widest that the machine has.</param>
    public SimdEngine(TrainingSettings settings, Network initial, VectorForm? form = null)
    {
        var with = form ?? Tile.Best;
        _settings = settings;
        _sizes = (initial.InputSize, initial.OutputSize);
        _model = (settings.Architecture, initial) switch
        {
            (DeqArchitecture architecture, DeqNetwork network) => new SimdDeq(architecture, network, settings.Seed, with),
            (FnnArchitecture architecture, FnnNetwork network) => new SimdFnn(architecture, network, settings.Seed, with),
            _ => throw new NotSupportedException($"{settings.Architecture} does not fit {initial.GetType().Name}."),
        };
        _loss = SimdLoss.Create(settings.Loss);
        _optimizer = SimdOptimizer.Create(settings.Optimizer, _model.Parameters, settings.WeightDecay, with);
        _limit = settings.MaxWeightNorm is { } limit ? new SimdWeightLimit(_model.Parameters, BoundedRows.Of(initial), limit) : null;
        (_trainBlock, _evaluateBlock, _sumRows, _moveWeights) = (TrainBlock, EvaluateBlock, SumRows, _optimizer.Run);
    }

    public Engine Kind => Engine.Simd;

    public string Device => "cpu";

    public void Attach(TrainingData data)
    {
        _training = data;
        _model.Attach(data.Rows);
        _workers.Dispose();
        _workers = new Workers(_settings.Threads ?? SimdThreads.For(_settings.Architecture, _model, Math.Min(_settings.BatchSize, data.Rows), Environment.ProcessorCount));
    }

    public void BeginEpoch(int epoch) => _model.BeginEpoch(epoch);

    public void Order(int[] rows) => _order = rows;

    public void Step(int start, int count, double learningRate)
    {
        ComputeGradients(_order.AsSpan(start, count));
        _model.RestrictGradients();
        _optimizer.BeginStep(learningRate, _settings.GradientClip is { } limit ? Math.Min(1, limit / (Kernels.Norm<float>(_model.Parameters.Gradients) + 1e-30)) : 1);
        _workers.Run(_optimizer.Parts, _moveWeights);
        _model.Project();
        _limit?.Apply();
        _moved = true;
    }

    public EngineMetrics ReadMetrics()
    {
        Enforce();
        var figures = _model.ReadFigures();
        var mean = _sums.Mean;
        _sums = default;
        return new EngineMetrics(mean, figures.MeanIterations, figures.WorstIterations, figures.WorstResidual, figures.WorstGradientResidual,
            figures.UnsolvedRows, figures.UnsolvedGradientRows, figures.ContractionBound, float.IsFinite(TensorPrimitives.MaxMagnitude<float>(_model.Parameters.Values)))
        { MeanGradientIterations = figures.MeanGradientIterations, RowIterations = figures.RowIterations };
    }

    public MeanLoss Evaluate(TrainingData data, Action checkCancelled)
    {
        Enforce();
        ObjectDisposedException.ThrowIf(_closed, this);
        var sums = default(LossSums);
        for (var start = 0; start < data.Rows; start += EvaluationRows)
        {
            checkCancelled();
            var batch = BatchOf(Math.Min(EvaluationRows, data.Rows - start), training: false);
            for (var row = 0; row < batch.Rows; row++)
            {
                batch.Indices[row] = start + row;
            }
            sums += RunBlocks(batch, data, training: false);
        }
        return sums.Mean;
    }

    public Network ToNetwork()
    {
        Enforce();
        return _model.ToNetwork();
    }

    public float[] ReadWeights()
    {
        Enforce();
        return _model.Parameters.Values.ToArray();
    }

    public void LoadWeights(float[] weights)
    {
        Load(weights, _model.Parameters.Values, "weights");
        _moved = false;
    }

    public OptimizerState ReadOptimizer() => _optimizer.Read();

    public void LoadOptimizer(OptimizerState state) => _optimizer.Load(state);

    public float[]? ReadStates() => (float[]?)_model.States?.Clone();

    public void LoadStates(float[] states) => Load(states, _model.States, "states");

    /// <summary>The gradient of the mean loss over some rows, in the order of the parameters.</summary>
    internal double[] Gradient(ReadOnlySpan<int> rows)
    {
        ComputeGradients(rows);
        return Array.ConvertAll(_model.Parameters.Gradients.ToArray(), g => (double)g);
    }

    public void Dispose()
    {
        _closed = true;
        _workers.Dispose();
    }

    private void Enforce()
    {
        if (_moved)
        {
            _model.Enforce();
            _moved = false;
        }
    }

    private void ComputeGradients(ReadOnlySpan<int> rows)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var batch = BatchOf(rows.Length, training: true);
        rows.CopyTo(batch.Indices);
        _sums += RunBlocks(batch, _training!, training: true);
        _model.Collect();
        var parts = 0;
        for (var product = 0; product < _model.Products.Count; product++)
        {
            parts += _model.Products[product].Parts;
        }
        _workers.Run(parts, _sumRows);
    }

    private SimdBatch BatchOf(int rows, bool training)
    {
        if (!_batches.TryGetValue((rows, training), out var batch))
        {
            _batches[(rows, training)] = batch = new SimdBatch(rows, _sizes.Features, _sizes.Outputs);
        }
        return batch;
    }

    private LossSums RunBlocks(SimdBatch batch, TrainingData data, bool training)
    {
        batch.Gather(data);
        _model.Prepare(batch, training);
        _now = (batch, data);
        var blocks = (batch.Rows + _model.BlockRows - 1) / _model.BlockRows;
        if (_blockSums.Length < blocks)
        {
            _blockSums = new LossSums[blocks];
        }
        _workers.Run(blocks, training ? _trainBlock : _evaluateBlock);
        var sums = default(LossSums);
        for (var block = 0; block < blocks; block++)
        {
            sums += _blockSums[block];
        }
        return sums;
    }

    private void TrainBlock(int block)
    {
        EvaluateBlock(block);
        _model.Backward(RowsOf(block));
    }

    private void EvaluateBlock(int block)
    {
        _model.Forward(RowsOf(block));
        _blockSums[block] = _loss.Of(_now.Batch, _now.Data, RowsOf(block));
    }

    private RowBlock RowsOf(int block) => new(block * _model.BlockRows, Math.Min(_model.BlockRows, _now.Batch.Rows - block * _model.BlockRows));

    private void SumRows(int part)
    {
        var product = 0;
        while (part >= _model.Products[product].Parts)
        {
            part -= _model.Products[product++].Parts;
        }
        _model.Products[product].Run(part);
    }

    private static void Load(float[] from, Span<float> to, string what)
    {
        if (from.Length != to.Length)
        {
            throw new ArgumentException($"{from.Length} {what} were given; this training has {to.Length}.", nameof(from));
        }
        from.CopyTo(to);
    }
}

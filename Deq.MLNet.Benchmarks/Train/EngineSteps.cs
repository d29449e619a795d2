using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>Makes an engine.</summary>
internal delegate ITrainingEngine CreateEngine(TrainingSettings settings, Network initial);

/// <summary>One of this library's engines, at work on a problem batch after batch.</summary>
internal sealed class EngineSteps : IDisposable
{
    private readonly ITrainingEngine _engine;
    private readonly Problem _problem;
    private readonly float[] _start;
    private int _batch, _epoch, _restarted = -1;

    public EngineSteps(CreateEngine create, Problem problem, TrainingSettings settings)
    {
        (_problem, EpochSteps) = (problem, problem.BatchCount);
        _engine = create(settings, problem.Network());
        _start = _engine.ReadWeights();
        _engine.Attach(problem.Data);
        // The first epoch of a warm start is no warm start.
        for (var epoch = 1; ((DeqArchitecture)settings.Architecture).WarmStart && epoch <= 2; epoch++)
        {
            Epoch();
        }
        ReadMetrics();
    }

    public static CreateEngine Torch { get; } = (settings, network) => new TorchEngine(settings, network, "cpu");

    public static CreateEngine Simd { get; } = (settings, network) => new SimdEngine(settings, network);

    /// <summary>Steps of an epoch. By default one for each batch of the problem; more go through its rows again.</summary>
    public int EpochSteps { get; init; }

    /// <summary>A step on the next batch.</summary>
    public void Step()
    {
        if (_batch == 0)
        {
            Restart();
            _engine.BeginEpoch(++_epoch);
            _engine.Order(_problem.Order);
        }
        _engine.Step(_batch % _problem.BatchCount * _problem.BatchRows, _problem.BatchRows, Problem.LearningRate);
        _batch = (_batch + 1) % EpochSteps;
        Steps++;
    }

    /// <summary>Goes back to the first weights where that is due; a step does so itself where nobody did before. For measurements that shall not have it in their time.</summary>
    public void Restart()
    {
        if (_batch == 0 && _epoch % Problem.EpochsFromStart == 0 && _restarted != _epoch)
        {
            _engine.LoadWeights(_start);
            _restarted = _epoch;
        }
    }

    public void Epoch()
    {
        for (var i = 0; i < EpochSteps; i++)
        {
            Step();
        }
    }

    public EngineMetrics ReadMetrics()
    {
        Steps = 0;
        return _engine.ReadMetrics();
    }

    /// <summary>Steps since the metrics were last read.</summary>
    public int Steps { get; private set; }

    /// <summary>The loss of the first batch and its gradient, in the order of the network's arrays, read off one large step of plain gradient descent without a rule.</summary>
    public static (double Loss, double[] Gradient) Differentiate(CreateEngine create, Problem problem, TrainingSettings settings)
    {
        const double rate = 1e4;
        var architecture = (DeqArchitecture)settings.Architecture with { Rule = WellPosedness.None, WarmStart = false };
        using var engine = create(settings with { Optimizer = new Sgd(), Architecture = architecture }, problem.Network());
        engine.Attach(problem.Data);
        engine.BeginEpoch(1);
        engine.Order(problem.Order);
        engine.Step(0, problem.BatchRows, rate);
        var after = ((DeqNetwork)engine.ToNetwork()).Weights.Arrays.SelectMany(a => a.Values.ToArray());
        return (engine.ReadMetrics().Training.Loss, [.. problem.Weights.Arrays.SelectMany(a => a.Values.ToArray()).Zip(after, (from, to) => ((double)from - to) / rate)]);
    }

    public void Dispose() => _engine.Dispose();
}

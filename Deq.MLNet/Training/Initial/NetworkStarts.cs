using Deq.MLNet.Networks;

namespace Deq.MLNet.Training.Initial;

/// <summary>The networks, in standard units, that trainings of one set of rows start from: by their numbers, from 0.</summary>
internal sealed class NetworkStarts
{
    private readonly TrainingSettings _settings;
    private readonly Standardization _scaling;
    private readonly Func<Random, StartInputs> _inputs;
    private readonly Network? _given;

    /// <summary>Sees what starts are made of.</summary>
    /// <param name="settings">The architecture, how weights start, and the seed.</param>
    /// <param name="scaling">Of the rows.</param>
    /// <param name="data">Training rows in standard units.</param>
    /// <param name="given">The network to start from, adopted and in standard units; null for random weights.</param>
    public NetworkStarts(TrainingSettings settings, Standardization scaling, TrainingData data, Network? given)
    {
        (_settings, _scaling, _given) = (settings, scaling, given);
        var architecture = settings.Architecture;
        var rows = architecture.Initialization.ReadsRows ? StartColumns.Of(data, architecture.LargestLayer()) : null;
        _inputs = random => new StartInputs(data.FeatureCount, settings.Outputs, settings.Loss.Link, scaling.ConstantFeatures, random, rows);
    }

    /// <summary>For each layer that phi follows, how many units there are already; empty without a network to start from.</summary>
    public IReadOnlyList<int> GivenUnits => _given is null ? [] : _settings.Architecture.UnitsOf(_given);

    /// <summary>The start of a number. The one of 0 is drawn by the seed itself, and from the network given as it is.</summary>
    public Network Make(int number)
    {
        var random = new Random(number == 0 ? _settings.Seed : (int)SplitMix64.Mix((uint)_settings.Seed, (ulong)number - 1));
        var given = number > 0 && _given is not null && _settings.Starts!.Perturbation is > 0 and var deviation ? Perturbed(_given, deviation, random) : _given;
        var start = _settings.Architecture.Start(given, _inputs(random));
        // With nothing to learn but the constant, zero outputs are right from the start and have no gradient.
        return _given is null && _scaling.ConstantTargets ? start.Fold(AffineMap.Identity(start.InputSize), AffineMap.Zero(start.OutputSize)) : start;
    }

    /// <summary>All weights times 1 and a normal deviate of some deviation; zeros stay. On the diagonal of W, where 1 - |w| says how slow a state is, the noise is relative to that where it is less than |w|.</summary>
    private static Network Perturbed(Network network, double deviation, Random random)
    {
        float[] Noisy(ReadOnlyMemory<float> values)
        {
            var noise = InitialWeights.Normal(random, 1, values.Length, deviation);
            return [.. noise.Select((e, i) => values.Span[i] * (1 + e))];
        }
        float[] NoisyW(DeqNetwork deq)
        {
            var given = deq.W.Span;
            var noisy = Noisy(deq.W);
            for (var i = 0; i < given.Length; i += deq.StateSize + 1)
            {
                var (size, gap) = (Math.Abs(given[i]), Math.Abs(1 - Math.Abs(given[i])));
                noisy[i] = gap < size ? given[i] + (noisy[i] - given[i]) * (gap / size) : noisy[i];
            }
            return noisy;
        }
        return network switch
        {
            DeqNetwork deq => new DeqNetwork(DeqWeights.Of(deq.Weights.Shape, deq.Weights.Arrays.ToDictionary(a => a.Name, a => a.Name == "W" ? NoisyW(deq) : Noisy(a.Values))), deq.Activation, deq.Link, deq.Scoring, deq.Certificate.Rule),
            FnnNetwork fnn => new FnnNetwork([.. fnn.Layers.Select(l => new DenseLayer(Noisy(l.Weights), Noisy(l.Bias)))], fnn.Activation, fnn.Link),
            _ => throw new NotSupportedException($"{network.GetType().Name} cannot be perturbed."),
        };
    }
}

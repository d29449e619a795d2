using Microsoft.ML;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A kind of network with one output, with its sizes. Its inputs are those of the target.</summary>
internal abstract record Size
{
    public abstract string Name { get; }

    /// <summary>The number of weights that train.</summary>
    public abstract int Parameters(int inputs);

    /// <summary>FLOPs of one row forward.</summary>
    public abstract double Forward(int inputs);

    /// <summary>Units that the read-out reads.</summary>
    public abstract int LastUnits { get; }

    public bool IsDeq => this is DeqSize;

    /// <summary>Trains one on rows of a target.</summary>
    /// <param name="x">The rows.</param>
    /// <param name="target">The function.</param>
    /// <param name="set">Sets the options. Each training has one thread: several run at a time.</param>
    public Fitted Fit(float[][] x, Target target, Action<NetworkTrainerOptions> set)
    {
        var ml = new MLContext();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var predictor = Learner.Fit(ml, Rows.Of(ml, x, [.. x.Select(row => (float)target.At(row))]), options =>
        {
            set(options);
            Require(options);
        });
        return new Fitted(ml, predictor, watch.Elapsed.TotalSeconds);
    }

    private protected abstract Learner Learner { get; }

    /// <summary>Sets what this kind cannot be trained without, whatever the recipe sets.</summary>
    private protected virtual void Require(NetworkTrainerOptions options) { }
}

/// <summary>A deep equilibrium network of m states.</summary>
/// <param name="States">m.</param>
/// <param name="Rule">What W obeys.</param>
/// <param name="Kind">What tables call it.</param>
internal sealed record DeqSize(int States, WellPosedness Rule, string Kind = "DEQ") : Size
{
    /// <summary>Cells of one input that cost a row what <see cref="FnnSize.Matched"/> costs: a dense one of 10 states and 20 iterations, and a triangular one.</summary>
    public static readonly DeqSize[] Matched = [new(10, WellPosedness.Spectral(), "DEQ spectral"), Triangular(64)];

    /// <summary>A strictly triangular W, which makes every row well-posed and leaves the weights' sizes free.</summary>
    public static DeqSize Triangular(int states) => new(states, WellPosedness.StrictlyTriangular);

    /// <summary>Bounded weights, and states that settle at rates from 1 down to half of delta, which a slope of 1 / delta needs.</summary>
    public static DeqSize Timescales(int states, double delta) => new(states, WellPosedness.InfinityNorm((float)(1 - delta / 2)), "DEQ timescales") { SmallestGap = (float)(delta / 2) };

    /// <summary>W of any norm whose symmetric part stays below 1 - margin.</summary>
    public static DeqSize Monotone(int states, float margin) => new(states, WellPosedness.Monotone(margin), "DEQ monotone") { IsMonotone = true };

    private float? SmallestGap { get; init; }

    private bool IsMonotone { get; init; }

    public bool IsTriangular => Rule == WellPosedness.StrictlyTriangular;

    public override string Name => $"{Kind} {States}";

    public override int Parameters(int inputs) => (IsTriangular ? States * (States - 1) / 2 : States * States) + (inputs + 2) * States + 1;

    public override double Forward(int inputs) => IsTriangular ? Flops.TriangularCell(States, inputs) : IsMonotone ? Flops.MonotoneCell(States, inputs) : Flops.Cell(States, inputs);

    public override int LastUnits => States;

    private protected override Learner Learner => new DeqLearner(States, Rule);

    private protected override void Require(NetworkTrainerOptions options)
    {
        // The one engine that knows the rule.
        if (IsMonotone)
            options.Engine = Engine.Torch;
        if (SmallestGap is not { } gap)
            return;
        var deq = (DeqTrainerOptions)options;
        // Plain iterations would be of the number of 1 / gap.
        (deq.Initialization, deq.Engine, deq.Solver) = (Initialization.LogTimescales(gap), Engine.Direct, new Newton());
        // A residual becomes an error 1 / gap times as large: rows are scored as far as float32 goes.
        deq.ScoringTolerance = new Tolerance(1e-8, absolute: 1e-30);
    }
}

/// <summary>A feed-forward network of hidden layers.</summary>
internal sealed record FnnSize(params int[] Layers) : Size
{
    /// <summary>For several depths the width with which a row of one input costs what it costs a dense DEQ of 10 states and 20 iterations, within 3 percent.</summary>
    public static readonly FnnSize[] Matched = [Of(740, 1), Of(45, 2), Of(32, 3), Of(23, 5), Of(17, 8)];

    /// <summary>Narrower ones of two of those depths, for the loss by width.</summary>
    public static readonly FnnSize[] Narrower = [Of(8, 3), Of(16, 3), Of(6, 8), Of(10, 8)];

    public static FnnSize Of(int width, int depth) => new([.. Enumerable.Repeat(width, depth)]);

    public override string Name => Layers.Distinct().Count() == 1 ? $"FNN {Layers[0]}x{Layers.Length}" : $"FNN {string.Join('-', Layers)}";

    public override int Parameters(int inputs) => Layers.Zip(Layers.Prepend(inputs), (units, before) => units * (before + 1)).Sum() + Layers[^1] + 1;

    public override double Forward(int inputs) => Flops.Layers(Layers, inputs);

    public override int LastUnits => Layers[^1];

    private protected override Learner Learner => new FnnLearner(Layers);
}

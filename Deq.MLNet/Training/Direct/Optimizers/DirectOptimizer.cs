using System.Runtime.InteropServices;

namespace Deq.MLNet.Training.Direct.Optimizers;

/// <summary>Moves the weights of an objective. Numbers of float64 are kept in pairs of float32 that have their bits.</summary>
internal abstract class DirectOptimizer
{
    /// <param name="options">The rule.</param>
    /// <param name="weights">How many weights there are.</param>
    /// <param name="weightDecay">Of a rule by gradients; an objective that takes all rows has it in its value.</param>
    public static DirectOptimizer Create(Optimizer options, int weights, double weightDecay) => options switch
    {
        Adam adam => new AdamRule(adam, weights, weightDecay, decoupled: false),
        AdamW adamW => new AdamRule(adamW.Moments, weights, weightDecay, decoupled: true),
        Sgd sgd => new SgdRule(sgd, weights, weightDecay),
        LevenbergMarquardt method => new DampedLeastSquares(method),
        LBfgs method => new LimitedMemory(method, weights),
        _ => throw new NotSupportedException($"{options} has no direct form."),
    };

    /// <summary>Makes one step, and brings the weights back under their limits.</summary>
    /// <returns>What was there before it.</returns>
    public abstract StepStart Step(Objective objective, double learningRate, double? gradientClip);

    /// <summary>Forgets what belongs to other weights: called where they are replaced.</summary>
    public virtual void Forget() { }

    /// <summary>Begins anew where other weights move than before.</summary>
    public virtual void Restart() { }

    public OptimizerState Read() => new(Steps, [.. Moments.Select(ToFloats)]) { Numbers = Numbers };

    public void Load(OptimizerState state)
    {
        if (!state.Moments.Select(m => m.Length).SequenceEqual(Moments.Select(m => 2 * m.Length)) || state.Numbers.Count != Numbers.Length)
        {
            throw new ArgumentException($"The state given has moments of {string.Join(", ", state.Moments.Select(m => m.Length))} values and {state.Numbers.Count} numbers; this optimizer has moments of {string.Join(", ", Moments.Select(m => 2 * m.Length))} and {Numbers.Length} numbers.", nameof(state));
        }
        foreach (var (moment, values) in Moments.Zip(state.Moments))
        {
            FromFloats(values).CopyTo(moment);
        }
        (Steps, Numbers) = (state.Steps, [.. state.Numbers]);
        Forget();
    }

    public static float[] ToFloats(double[] values) => MemoryMarshal.Cast<double, float>(values).ToArray();

    public static ReadOnlySpan<double> FromFloats(float[] values) => MemoryMarshal.Cast<float, double>(values);

    protected long Steps { get; set; }

    /// <summary>Arrays with one value a weight.</summary>
    protected virtual IReadOnlyList<double[]> Moments => [];

    /// <summary>What else is remembered.</summary>
    protected virtual double[] Numbers
    {
        get => [];
        set { }
    }
}

/// <summary>Where a step starts: the loss, and how the linear systems of its gradient were solved.</summary>
internal readonly record struct StepStart(ObjectiveValue Value, BatchSolution Adjoint);

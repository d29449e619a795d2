using Deq.MLNet.Errors;
using Deq.MLNet.Training;

namespace Deq.MLNet;

/// <summary>How much the rows of each class count in the loss, beside their own weights.</summary>
public abstract record ClassWeights
{
    private protected ClassWeights() { }

    /// <summary>Every class counts the same in all: the weight of a class is total / (classes present * its own), in sums of row weights over the training rows.</summary>
    public static ClassWeights Balanced { get; } = new BalancedClassWeights();

    /// <summary>A weight for each class.</summary>
    /// <param name="weights">Positive and finite; false, true for two classes, else in the order of the keys. Their number must be that of the classes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A weight is not positive.</exception>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static ClassWeights Given(params IReadOnlyList<float> weights) => Check.NotNull(weights).Count == 0
        ? throw new ArgumentException("There is no class weight; give one a class.", nameof(weights))
        : new GivenClassWeights([.. weights.Select((w, i) => Check.Positive(w, $"{nameof(weights)}[{i}]"))]);

    /// <summary>The weight of each class, learnt from training rows.</summary>
    internal abstract double[] Learn(TrainingData data, int classes);

    /// <summary>The rows with the weights of their classes multiplied into their own, scaled as <see cref="TrainingData.ScaleOfWeights"/> has it.</summary>
    internal static TrainingData Apply(double[] weights, TrainingData data)
    {
        double Product(int row) => data.Weight(row) * weights[(int)data.Targets[row]];
        var exponent = TrainingData.ScaleOfWeights(Enumerable.Range(0, data.Rows).Sum(Product) / data.Rows);
        var products = new float[data.Rows];
        for (var row = 0; row < products.Length; row++)
        {
            products[row] = TrainingData.ScaleWeight(Product(row), exponent);
        }
        return data with { Weights = products };
    }
}

internal sealed record BalancedClassWeights : ClassWeights
{
    internal override double[] Learn(TrainingData data, int classes)
    {
        var sums = new double[classes];
        for (var row = 0; row < data.Rows; row++)
        {
            sums[(int)data.Targets[row]] += data.Weight(row);
        }
        var (total, present) = (sums.Sum(), sums.Count(s => s > 0));
        // A class without rows has nothing to weigh in training; validation rows of it count once.
        return [.. sums.Select(s => s > 0 ? total / (present * s) : 1)];
    }

    public override string ToString() => "Balanced";
}

internal sealed record GivenClassWeights(IReadOnlyList<float> Weights) : ClassWeights
{
    internal override double[] Learn(TrainingData data, int classes) => Weights.Count == classes
        ? [.. Weights.Select(w => (double)w)]
        : throw new DeqException($"ClassWeights has {Weights.Count} weights; the label has {classes} classes. Give one weight a class.");

    public override string ToString() => FormattableString.Invariant($"Given({string.Join(", ", Weights.Select(w => FormattableString.Invariant($"{w}")))})");
}

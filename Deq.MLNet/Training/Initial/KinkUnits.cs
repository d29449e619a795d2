using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Initial;

/// <summary>Units whose pre-activations have a standard deviation that is asked for over training rows, and are zero at one of these.</summary>
internal static class KinkUnits
{
    /// <summary>In the sums of a state, the standard deviation of what it reads of others, of that of what it reads of the features.</summary>
    private const double ShareOfStates = 0.6;

    /// <summary>The least deviation that states are taken to have, as a share of the spread: one whose kink is at its largest row is 0 at all of them but for rounding, which nothing should be scaled by.</summary>
    private const double LeastDeviation = 1e-2;

    /// <summary>A layer of such units.</summary>
    public static DenseLayer Layer(int outputs, StartColumns inputs, double spread, Random random, bool[]? zeroColumns)
    {
        var (weights, bias) = (InitialWeights.Normal(random, outputs, inputs.Count, 1, zeroColumns), new float[outputs]);
        for (var unit = 0; unit < outputs; unit++)
        {
            var row = weights.AsSpan(unit * inputs.Count, inputs.Count);
            (var factor, bias[unit]) = Place(inputs.Sum(row), spread, random);
            TensorPrimitives.Multiply(row, factor, row);
        }
        return new DenseLayer(weights, bias);
    }

    /// <summary>States of a cell, each of which reads the features and the states before it.</summary>
    /// <param name="rows">Receives them, behind those that there are.</param>
    /// <param name="encoded">What U acts on.</param>
    /// <param name="states">The states that there are.</param>
    /// <param name="activation">phi.</param>
    /// <param name="spread">The standard deviation of pre-activations.</param>
    /// <param name="coupling">A factor on what is read of other states.</param>
    /// <param name="random">What they are drawn from.</param>
    /// <param name="zeroColumns">The features that are constant; null for none.</param>
    public static void Add(CellRows rows, StartColumns encoded, StartColumns states, Activation activation, double spread, double coupling, Random random, bool[]? zeroColumns)
    {
        states = states.With();
        for (var unit = states.Count; unit < rows.States; unit++)
        {
            var ofFeatures = rows.RowOfU(unit);
            var ofStates = rows.RowOfW(unit)[..unit];
            InitialWeights.Normal(random, 1, ofFeatures.Length, 1, zeroColumns).CopyTo(ofFeatures);
            InitialWeights.Normal(random, 1, unit, 1).CopyTo(ofStates);
            Scale(ofFeatures, StartColumns.Deviation(encoded.Sum(ofFeatures)), 1);
            Scale(ofStates, Math.Max(LeastDeviation * spread, StartColumns.Deviation(states.Sum(ofStates))), coupling * ShareOfStates);
            var sums = encoded.Sum(ofFeatures);
            TensorPrimitives.Add(sums, states.Sum(ofStates), sums);
            (var factor, rows.B[unit]) = Place(sums, spread, random);
            TensorPrimitives.Multiply(ofFeatures, factor, ofFeatures);
            TensorPrimitives.Multiply(ofStates, factor, ofStates);
            TensorPrimitives.Multiply(sums, factor, sums);
            TensorPrimitives.Add(sums, rows.B[unit], sums);
            activation.Apply<double>(sums);
            states.Add(sums);
        }
    }

    /// <summary>By what the weights of a unit are multiplied, and its bias. A unit that reads nothing that varies reads nothing.</summary>
    private static (float Factor, float Bias) Place(double[] sums, double spread, Random random)
    {
        var (at, deviation) = (sums[random.Next(sums.Length)], StartColumns.Deviation(sums));
        var factor = deviation > 0 ? (float)(spread / deviation) : 0;
        return (factor, (float)(-factor * at));
    }

    /// <summary>Scales weights whose sums have a standard deviation so that they have another.</summary>
    private static void Scale(Span<float> weights, double deviation, double wanted) => TensorPrimitives.Multiply(weights, deviation > 0 ? (float)(wanted / deviation) : 0, weights);
}

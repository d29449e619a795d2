using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>The statistics that bring features and labels to a common scale: weighted, in float64, learnt from training rows.</summary>
/// <param name="Features">What brings features to standard units, mean 0 and standard deviation 1.</param>
/// <param name="Targets">What brings targets to standard units: mean 0 and standard deviation 1, under a log link mean 1, for classes nothing.</param>
/// <param name="Outputs">What brings affine outputs in standard units to those of the data, before the link.</param>
/// <param name="ConstantFeatures">Which features have one value in all rows.</param>
/// <param name="ConstantTargets">Whether affine outputs of zero are right for every row.</param>
internal sealed record Standardization(AffineMap Features, AffineMap Targets, AffineMap Outputs, bool[] ConstantFeatures, bool ConstantTargets)
{
    /// <summary>Outside this range of standard deviations the folded weights would leave float32.</summary>
    private const double Smallest = 1e-33, Largest = 1e33;

    /// <summary>What one unit of a standardised target is in units of the data.</summary>
    public double TargetUnit => 1 / Targets.Scale[0];

    public static Standardization Learn(TrainingData data, TrainingSettings settings)
    {
        var (features, constant) = Learn(data, data.Features, data.FeatureCount, settings.NormalizeFeatures, "feature");
        if (settings.Loss is not RegressionLoss)
        {
            return new Standardization(features, AffineMap.Identity(data.TargetCount), AffineMap.Identity(settings.Outputs), constant, ConstantTargets: false);
        }
        if (settings.Loss.Link == Link.Exp)
        {
            var (mean, isConstant) = MeanOfPositive(data, settings.Loss);
            var unit = settings.NormalizeTargets ? mean : 1;
            return new Standardization(features, new AffineMap([1 / unit], [0]), new AffineMap([1], [Math.Log(unit)]), constant, settings.NormalizeTargets && isConstant);
        }
        var (targets, constantTargets) = Learn(data, data.Targets, data.TargetCount, settings.NormalizeTargets, "label");
        return new Standardization(features, targets, targets.Inverse(), constant, settings.NormalizeTargets && constantTargets.All(c => c));
    }

    /// <summary>Brings rows to standard units, in their own arrays: a second copy of all rows would be the largest thing in memory.</summary>
    public void Apply(TrainingData data)
    {
        Apply(Features, data.Features);
        Apply(Targets, data.Targets);
    }

    /// <summary>A network over standard units as one over the data's own units.</summary>
    public Network ToDataUnits(Network network) => network.Fold(Features, Outputs);

    /// <summary>A network over the data's own units as one over standard units: it computes the same function.</summary>
    public Network ToStandardUnits(Network network) => network.Fold(Features.Inverse(), Outputs.Inverse());

    /// <summary>Refuses rows whose labels the loss cannot take.</summary>
    public static void CheckLabels(Loss loss, TrainingData data)
    {
        var negative = loss is RegressionLoss && loss.Link == Link.Exp ? Array.FindIndex(data.Targets, y => y < 0) : -1;
        if (negative >= 0)
        {
            throw new DeqException(FormattableString.Invariant($"The label {data.Targets[negative]} is negative; the loss {loss} needs labels of at least 0. Use Squared, Absolute or Huber, or leave such rows out."));
        }
    }

    private static (double Mean, bool IsConstant) MeanOfPositive(TrainingData data, Loss loss)
    {
        var total = data.TotalWeight;
        double mean = 0;
        for (var row = 0; row < data.Rows; row++)
        {
            mean += data.Weight(row) / total * data.Targets[row];
        }
        return mean > 0
            ? (mean, Array.TrueForAll(data.Targets, y => y == data.Targets[0]))
            : throw new DeqException($"Every label is 0; the loss {loss} predicts the exponential of a number, which cannot be 0. Use Squared, Absolute or Huber.");
    }

    private static void Apply(AffineMap map, float[] values)
    {
        for (var row = 0; row < values.Length; row += map.Size)
        {
            for (var column = 0; column < map.Size; column++)
            {
                values[row + column] = (float)map.Apply(column, values[row + column]);
            }
        }
    }

    private static (AffineMap Map, bool[] Constant) Learn(TrainingData data, float[] values, int columns, bool wanted, string what)
    {
        var (mean, variance, constant) = Moments(data, values, columns);
        var (scale, shift) = (new double[columns], new double[columns]);
        for (var column = 0; column < columns; column++)
        {
            (scale[column], shift[column]) = (1, 0);
            if (!wanted)
            {
                continue;
            }
            var deviation = Math.Sqrt(variance[column]);
            if (constant[column] || deviation == 0)
            {
                shift[column] = -(constant[column] ? values[column] : mean[column]);
                continue;
            }
            if (deviation is < Smallest or > Largest)
            {
                throw new DeqException(FormattableString.Invariant($"The {what} in position {column} has the standard deviation {deviation:G3}, outside {Smallest:G1} to {Largest:G1}, which float32 weights cannot carry. Rescale it before the trainer."));
            }
            (scale[column], shift[column]) = (1 / deviation, -mean[column] / deviation);
        }
        return (new AffineMap(scale, shift), constant);
    }

    /// <summary>Column by column, in two passes over the rows: the second goes by the mean, and loses no digits where that is large.</summary>
    private static (double[] Mean, double[] Variance, bool[] Constant) Moments(TrainingData data, float[] values, int columns)
    {
        var (mean, variance, constant) = (new double[columns], new double[columns], new bool[columns]);
        Array.Fill(constant, true);
        var total = data.TotalWeight;
        for (var row = 0; row < data.Rows; row++)
        {
            var share = data.Weight(row) / total;
            for (var column = 0; column < columns; column++)
            {
                mean[column] += share * values[row * columns + column];
            }
        }
        for (var row = 0; row < data.Rows; row++)
        {
            var share = data.Weight(row) / total;
            for (var column = 0; column < columns; column++)
            {
                var value = values[row * columns + column];
                constant[column] &= value == values[column];
                var difference = value - mean[column];
                variance[column] += share * difference * difference;
            }
        }
        return (mean, variance, constant);
    }
}

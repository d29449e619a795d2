using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>The statistics that bring features and targets to mean 0 and standard deviation 1: weighted, in float64, learnt from training rows.</summary>
/// <param name="Features">What brings features to standard units.</param>
/// <param name="Targets">What brings targets to standard units.</param>
/// <param name="ConstantFeatures">Which features have one value in all rows.</param>
/// <param name="ConstantTargets">Whether all targets are zero in standard units.</param>
internal sealed record Standardization(AffineMap Features, AffineMap Targets, bool[] ConstantFeatures, bool ConstantTargets)
{
    /// <summary>Outside this range of standard deviations the folded weights would leave float32.</summary>
    private const double Smallest = 1e-33, Largest = 1e33;

    public static Standardization Learn(TrainingData data, bool features, bool targets)
    {
        var (inputs, constant) = Learn(data, data.Features, data.FeatureCount, features, "feature");
        var (outputs, constantTargets) = Learn(data, data.Targets, data.TargetCount, targets, "label");
        return new Standardization(inputs, outputs, constant, targets && constantTargets.All(c => c));
    }

    /// <summary>The data in standard units.</summary>
    public TrainingData Apply(TrainingData data) => data with
    {
        Features = Apply(Features, data.Features),
        Targets = Apply(Targets, data.Targets),
    };

    /// <summary>A network over standard units as one over the data's own units.</summary>
    public Network ToDataUnits(Network network) => network.Fold(Features, Targets.Inverse());

    /// <summary>A network over the data's own units as one over standard units: it computes the same function.</summary>
    public Network ToStandardUnits(Network network) => network.Fold(Features.Inverse(), Targets);

    private static float[] Apply(AffineMap map, float[] values)
    {
        var result = new float[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            result[i] = (float)map.Apply(i % map.Size, values[i]);
        }
        return result;
    }

    private static (AffineMap Map, bool[] Constant) Learn(TrainingData data, float[] values, int columns, bool wanted, string what)
    {
        var (scale, shift, constant) = (new double[columns], new double[columns], new bool[columns]);
        var total = Enumerable.Range(0, data.Rows).Sum(data.Weight);
        for (var column = 0; column < columns; column++)
        {
            double mean = 0, variance = 0;
            for (var row = 0; row < data.Rows; row++)
            {
                mean += data.Weight(row) / total * values[row * columns + column];
            }
            constant[column] = true;
            for (var row = 0; row < data.Rows; row++)
            {
                double value = values[row * columns + column];
                constant[column] &= value == values[column];
                variance += data.Weight(row) / total * (value - mean) * (value - mean);
            }
            (scale[column], shift[column]) = (1, 0);
            if (!wanted)
            {
                continue;
            }
            var deviation = Math.Sqrt(variance);
            if (constant[column] || deviation == 0)
            {
                shift[column] = -(constant[column] ? values[column] : mean);
                continue;
            }
            if (deviation is < Smallest or > Largest)
            {
                throw new DeqException(FormattableString.Invariant($"The {what} in position {column} has the standard deviation {deviation:G3}, outside {Smallest:G1} to {Largest:G1}, which float32 weights cannot carry. Rescale it before the trainer."));
            }
            (scale[column], shift[column]) = (1 / deviation, -mean / deviation);
        }
        return (new AffineMap(scale, shift), constant);
    }
}

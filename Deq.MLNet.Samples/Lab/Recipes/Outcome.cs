namespace Deq.MLNet.Samples.Lab;

/// <summary>One training, or several of which the best by training loss was taken, from one seed.</summary>
/// <param name="Size">The network that came of it.</param>
/// <param name="Target">What it was to learn.</param>
/// <param name="Seed">The seed of rows and weights.</param>
/// <param name="Fitted">The network.</param>
/// <param name="Flops">What was spent on it, all starts included.</param>
/// <param name="Seconds">The same by the clock, where two trainings run at a time.</param>
internal sealed record Outcome(Size Size, Target Target, int Seed, Fitted Fitted, double Flops, double Seconds)
{
    private const int ValidationPoints = 4_096, ValidationSeed = 2;

    /// <summary>The mean squared error over the test points where the target is steep; infinite where training diverged.</summary>
    public double Error => _error.Value;

    private readonly Lazy<double> _error = new(() => ErrorAt(Fitted, Target, Target.Test()));

    /// <summary>The mean squared error over validation points, by which networks are chosen. They lie as training rows do, half of them anywhere: a network that is off far from where the target is steep has not learnt it.</summary>
    public double Validation => _validation.Value;

    private readonly Lazy<double> _validation = new(() => ErrorAt(Fitted, Target, Target.Sample(ValidationPoints, ValidationSeed)));

    /// <summary>The largest error over the test points; NaN where training diverged.</summary>
    public double LargestError => _largestError.Value;

    private readonly Lazy<double> _largestError = new(() => Fitted.LargestError(Target, Target.Test()));

    /// <summary>Finds the errors now, beside other seeds, and not when they are asked for one by one.</summary>
    public Outcome Judged()
    {
        _ = (Error, Validation);
        return this;
    }

    private static double ErrorAt(Fitted fitted, Target target, float[][] x) => fitted.MeanSquaredError(target, x) is var error && double.IsNaN(error) ? double.PositiveInfinity : error;

    /// <summary>The training loss that the last epoch told; infinite where training diverged.</summary>
    public double TrainingLoss => Fitted.HasDiverged ? double.PositiveInfinity : Fitted.History.Epochs[^1].TrainingLoss;
}

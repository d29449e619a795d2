namespace Deq.MLNet;

/// <summary>What training makes small, and by it the meaning of a network's outputs.</summary>
public abstract record Loss
{
    private protected Loss() { }

    /// <summary>What stands between the affine outputs and the model's output.</summary>
    internal abstract Link Link { get; }

    /// <summary>Whether the minimum over all functions is the true probability of a class, so that a Probability needs no correction.</summary>
    internal virtual bool IsProper => false;

    /// <summary>The loss over standardised targets that is this loss over the data's own.</summary>
    /// <param name="unit">What one unit of a standardised target is in units of the data.</param>
    internal virtual Loss InStandardUnits(double unit) => this;

    /// <summary>What one unit of the loss over standardised targets is in units of the data.</summary>
    /// <param name="unit">What one unit of a standardised target is in units of the data.</param>
    internal virtual double Unit(double unit) => 1;

    /// <summary>The metric from the engine's mean over rows, which is taken over standardised targets.</summary>
    /// <param name="mean">The weighted mean of what the engine adds up: squared errors, or hits.</param>
    /// <param name="unit">What one unit of a standardised target is in units of the data.</param>
    internal virtual double Metric(double mean, double unit) => mean;
}

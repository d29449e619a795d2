namespace Deq.MLNet.Onnx;

/// <summary>How a network is written, and what is known of the error.</summary>
/// <param name="Network">The network.</param>
/// <param name="Form">The form of its equilibrium, never <see cref="OnnxForm.Auto"/>; null for a feed-forward network.</param>
/// <param name="Steps">Steps of the form; 0 for a feed-forward network.</param>
internal sealed record NetworkPlan(Network Network, OnnxForm? Form, int Steps)
{
    /// <summary>Of a Loop: how often the tolerance of scoring is divided by ten.</summary>
    public int Tightened { get; init; }

    /// <summary>Whether every row is proved to have one equilibrium.</summary>
    public bool IsProved => Network is not DeqNetwork { Certificate.IsProved: false };

    public double? MaxError { get; init; }

    public double? MeanError { get; init; }

    public double? Bound { get; init; }

    public int? BoundSteps { get; init; }

    /// <summary>Whether weights are stored as float16.</summary>
    public bool Float16Weights { get; init; }

    public double? WeightsError { get; init; }
}

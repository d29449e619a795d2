namespace Deq.MLNet.Samples.Lab;

/// <summary>A way to train a DEQ and an FNN, the same for both.</summary>
/// <param name="Name">plain, equal effort or restricted.</param>
/// <param name="Effort">What is spent, in words.</param>
/// <param name="Deq">The one network.</param>
/// <param name="Fnn">The other.</param>
/// <param name="HasRate">Whether its optimizer has a learning rate, which is chosen.</param>
/// <param name="Set">Sets the options.</param>
internal sealed record Regime(string Name, string Effort, DeqLearner Deq, FnnLearner Fnn, bool HasRate, Action<NetworkTrainerOptions> Set)
{
    /// <summary>The three of most experiments.</summary>
    public static readonly string[] Names = ["plain", "equal effort", "restricted"];

    /// <summary>Sets the options of a first training, whose network the training starts from; null without one.</summary>
    public Action<NetworkTrainerOptions>? Begin { get; init; }

    public IEnumerable<Learner> Learners => [Deq, Fnn];

    /// <summary>The learning rate of the least loss; null where there is none.</summary>
    /// <param name="loss">The validation loss of a training at a rate from a seed.</param>
    public float? Choose(Func<float?, int, double> loss) => HasRate ? Tuning.Choose((rate, seed) => loss(rate, seed)) : null;
}

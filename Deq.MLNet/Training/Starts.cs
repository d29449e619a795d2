using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>
/// Several trainings from different starts, of which the best goes on: all for some epochs, then the few best for some more, then the best alone to the end. Best is the least validation loss,
/// or, without validation rows, the least training loss, over all rows as the weights stand then; with early stopping it is the loss of the best epoch. The first start is that of the seed itself. One that diverges is out; where all finalists do, the best of before goes on. Source: successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016).
/// </summary>
public sealed record Starts
{
    /// <summary>Makes the plan.</summary>
    /// <param name="count">Starts, at least 1.</param>
    /// <param name="epochs">Epochs that every one is trained for, at least 1; default 10. They count as the first ones of the training that goes on.</param>
    /// <param name="finalists">How many of them go on for <paramref name="finalistEpochs"/>, from 1 to <paramref name="count"/>; default 1.</param>
    /// <param name="finalistEpochs">Epochs that finalists are trained for beyond the first ones before the best is taken: at least 0, and at least 1 where there is more than one of them; default 0.</param>
    /// <param name="perturbation">Where training starts from a network: the deviation of a relative noise on its weights in every start but the first, at least 0; on a w of the diagonal of W that is nearer to 1 or -1 than to 0 the noise is relative to 1 - |w|, so that slow states stay slow. Default 0, where only units that are added differ.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public Starts(int count, int epochs = 10, int finalists = 1, int finalistEpochs = 0, float perturbation = 0)
    {
        (Count, Epochs) = (Check.AtLeast(count, 1), Check.AtLeast(epochs, 1));
        (Finalists, FinalistEpochs) = (Check.AtMost(Check.AtLeast(finalists, 1), count, nameof(finalists)), Check.AtLeast(finalistEpochs, finalists > 1 ? 1 : 0));
        Perturbation = Check.Within(perturbation, 0f, float.PositiveInfinity);
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>Epochs that every one is trained for.</summary>
    public int Epochs { get; }

    /// <summary>How many go on.</summary>
    public int Finalists { get; }

    /// <summary>Epochs that finalists are trained for beyond those.</summary>
    public int FinalistEpochs { get; }

    /// <summary>The deviation of a relative noise on the weights of a network that training starts from, in every start but the first.</summary>
    public float Perturbation { get; }
}

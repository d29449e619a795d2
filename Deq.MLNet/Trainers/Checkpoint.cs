using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>Where a training keeps its state, so that one that was stopped goes on instead of starting anew: Fit with the same options and rows resumes after the last epoch written,
/// and ends with the same weights, bit for bit on the same machine.</summary>
/// <remarks>
/// One file is of one training. A Fit whose options, rows, start or version of this library differ is refused with a <see cref="DeqException"/> that says what differs; the number of threads and the device may.
/// After a training has ended its file gives the model at once. So trainers that train many models with the same options (CrossValidate, OneVersusAll) cannot share one.
/// </remarks>
public sealed record Checkpoint
{
    /// <summary>Makes the setting.</summary>
    /// <param name="path">The file, in a folder that exists and can be written to; Fit tries that before it trains. A relative path is taken from the working directory of
    /// this moment. The file is replaced whole or not at all, and never deleted.</param>
    /// <param name="everyEpochs">Epochs from one state written to the next, at least 1; default 1. The state after the last epoch is written too.</param>
    /// <exception cref="ArgumentException">The path is null, empty, or none to the system.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number is below 1.</exception>
    public Checkpoint(string path, int everyEpochs = 1)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (Path, EveryEpochs) = (System.IO.Path.GetFullPath(path), Check.AtLeast(everyEpochs, 1));
    }

    /// <summary>The file, by its full path.</summary>
    public string Path { get; }

    /// <summary>Epochs from one state written to the next.</summary>
    public int EveryEpochs { get; }
}

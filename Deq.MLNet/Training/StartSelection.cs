namespace Deq.MLNet.Training;

/// <summary>Finds the best of several starts: trains all for some epochs, the few best for some more, and gives the best where it stands, for the training that goes on.</summary>
/// <param name="settings">How to train, and the plan of starts.</param>
/// <param name="targetUnit">What one unit of the engine's targets is in units of the label.</param>
/// <param name="make">Makes the start of a number.</param>
/// <param name="createEngine">Makes an engine with the weights of a start.</param>
/// <param name="monitor">Who is told.</param>
internal sealed class StartSelection(TrainingSettings settings, double targetUnit, Func<int, Network> make, Func<Network, ITrainingEngine> createEngine, ITrainingMonitor monitor)
{
    private readonly Starts _plan = settings.Starts!;
    private DivergenceException? _failure;

    /// <summary>The best start, and the state of its training.</summary>
    /// <param name="train">Training rows, in standard units.</param>
    /// <param name="validation">Validation rows, likewise, which decide where there are any.</param>
    /// <exception cref="DivergenceException">The training of every start diverged; it is that of the last.</exception>
    public (Network Start, TrainingState State) Choose(TrainingData train, TrainingData? validation)
    {
        var (candidates, diverged) = Train(Enumerable.Range(0, _plan.Count).Select(number => new Candidate(number, make(number), null, 0)), _plan.Epochs, _plan.FinalistEpochs > 0 ? _plan.Finalists : 1, train, validation);
        if (_plan.FinalistEpochs > 0)
        {
            var (further, _) = Train(candidates, _plan.Epochs + _plan.FinalistEpochs, 1, train, validation);
            // Where all of them diverge there, the best goes on from before.
            candidates = further.Count > 0 ? further : candidates;
        }
        if (candidates.Count == 0)
        {
            throw _failure!;
        }
        var best = candidates[0];
        var what = validation is null ? "training" : "validation";
        var failed = diverged > 0 ? $"; {diverged} diverged in the first {_plan.Epochs}" : "";
        monitor.Info(FormattableString.Invariant($"Start {best.Number + 1} of {_plan.Count} goes on, with the {what} loss {best.Loss:G6} after {best.State!.Epochs.Count} epochs{failed}."));
        return (best.Start, best.State);
    }

    /// <summary>So many as are kept of those whose training did not diverge, best first; of equal ones the first.</summary>
    private (List<Candidate> Best, int Diverged) Train(IEnumerable<Candidate> candidates, int until, int keep, TrainingData train, TrainingData? validation)
    {
        var (best, diverged) = (new List<Candidate>(), 0);
        foreach (var candidate in candidates)
        {
            try
            {
                // Weights and moments of those that are out are not held.
                best = [.. best.Append(Train(candidate, until, train, validation)).OrderBy(c => c.Loss).Take(keep)];
            }
            catch (DivergenceException failure)
            {
                (_failure, diverged) = (failure, diverged + 1);
            }
        }
        return (best, diverged);
    }

    private Candidate Train(Candidate candidate, int until, TrainingData train, TrainingData? validation)
    {
        using var engine = createEngine(candidate.Start);
        var state = new TrainingLoop(settings, targetUnit, new Silent(monitor)).RunTo(until, engine, train, validation, candidate.State);
        var loss = validation is null ? engine.Evaluate(train, monitor.CheckCancelled).Loss * settings.Loss.Unit(targetUnit) : state.Best?.Loss ?? state.Epochs[^1].ValidationLoss!.Value;
        return double.IsFinite(loss)
            ? candidate with { State = state, Loss = loss }
            : throw new DivergenceException(FormattableString.Invariant($"Training diverged: the training loss after {state.Epochs.Count} epochs is {loss}. {TrainingLoop.Remedy(settings)}"));
    }

    private sealed record Candidate(int Number, Network Start, TrainingState? State, double Loss);

    /// <summary>Only asks whether to stop: epochs and warnings of trainings that are given up are of no interest.</summary>
    private sealed class Silent(ITrainingMonitor monitor) : ITrainingMonitor
    {
        public void CheckCancelled() => monitor.CheckCancelled();

        public void EpochDone(TrainingEpoch epoch) { }

        public void Info(string message) { }

        public void Warn(string message) { }
    }
}

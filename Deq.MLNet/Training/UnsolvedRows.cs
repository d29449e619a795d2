using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>Tells of training rows whose equilibrium or gradient was not found: a warning when epochs with such rows begin, or the end of the training.</summary>
internal static class UnsolvedRows
{
    /// <summary>Looks at the last of the epochs that are done.</summary>
    /// <param name="settings">How to train.</param>
    /// <param name="engine">What trains.</param>
    /// <param name="epochs">Those that are done.</param>
    /// <param name="monitor">Who is told.</param>
    /// <exception cref="DivergenceException">It has such rows, and OnNonConvergence is Throw.</exception>
    public static void Tell(TrainingSettings settings, Engine engine, IReadOnlyList<TrainingEpoch> epochs, ITrainingMonitor monitor)
    {
        var rule = (settings.Architecture as DeqArchitecture)?.Rule;
        if (Describe(epochs[^1], rule, engine) is not { } what)
        {
            return;
        }
        if (settings.Architecture is DeqArchitecture { Scoring.OnNonConvergence: OnNonConvergence.Throw })
        {
            throw new DivergenceException($"{what} OnNonConvergence is Throw, so training stopped.");
        }
        if (epochs.Count == 1 || Describe(epochs[^2], rule, engine) is null)
        {
            monitor.Warn($"{what} History tells of further epochs.");
        }
    }

    private static string? Describe(TrainingEpoch epoch, WellPosedness? rule, Engine engine)
    {
        if (engine == Engine.Direct)
        {
            return DescribeDirect(epoch, rule);
        }
        var isMonotone = rule is MonotoneRule;
        var solver = isMonotone ? "Newton" : "Anderson";
        var byRule = rule is NoRule ? ", or keep W under a rule by WellPosedness" : "";
        var state = epoch.UnsolvedRows == 0 ? "" : FormattableString.Invariant(
            $" The equilibrium of {epoch.UnsolvedRows} rows was not found to Tolerance (worst residual {epoch.WorstResidual:G3} after at most {epoch.WorstIterations} iterations): raise MaxIterations or Tolerance, use {solver} as Solver{byRule}.");
        var gradient = epoch.UnsolvedGradientRows == 0 ? "" : FormattableString.Invariant(
            $" The gradient of {epoch.UnsolvedGradientRows} rows was not found to its tolerance (worst residual {epoch.WorstGradientResidual:G3}), so that steps go astray: raise the maxIterations or the tolerance of Implicit, use {solver} as GradientSolver, or {(isMonotone ? "OneStep" : "Phantom")} as Gradient.");
        return state + gradient is { Length: > 0 } what ? $"In epoch {epoch.Epoch}:{what}" : null;
    }

    /// <summary>Options of solvers are of no effect there.</summary>
    private static string? DescribeDirect(TrainingEpoch epoch, WellPosedness? rule)
    {
        var remedy = rule is NoRule ? "keep W under a rule by WellPosedness" : "lower the bound of WellPosedness";
        var state = epoch.UnsolvedRows == 0 ? "" : FormattableString.Invariant($" The equilibrium of {epoch.UnsolvedRows} rows was not found (worst residual {epoch.WorstResidual:G3}); there may be none.");
        var gradient = epoch.UnsolvedGradientRows == 0 ? "" : FormattableString.Invariant($" The gradient of {epoch.UnsolvedGradientRows} rows does not exist, as I - D W is singular there, and is left out.");
        return state + gradient is { Length: > 0 } what ? $"In epoch {epoch.Epoch}:{what} To have one for every row, {remedy}." : null;
    }
}

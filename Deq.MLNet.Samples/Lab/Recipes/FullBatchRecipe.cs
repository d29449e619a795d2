namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// A method that takes all rows in every step, from kinks straight at the target. It has no learning rate that could be chosen. A training that comes to rest is followed by another from other weights until the FLOPs are spent; the best by training loss counts.
/// </summary>
/// <param name="Regime">What tables call it.</param>
/// <param name="Optimizer">L-BFGS, or Levenberg and Marquardt's method.</param>
/// <param name="RowCount">Training rows.</param>
/// <param name="Budget">The FLOPs of all trainings of a seed, at most; one step is made in any case.</param>
internal sealed record FullBatchRecipe(string Regime, Optimizer Optimizer, int RowCount, double Budget)
{
    /// <summary>Steps without a change of the loss after which a training counts as at rest: some steps are taken back before one is short enough.</summary>
    private const int Patience = 40;

    /// <summary>Trains a network from each seed.</summary>
    public Series Run(Size size, Target target, int first, int count) => Series.Train(Regime, size.Name, target, first, count, seed => Train(size, target, seed));

    private Outcome Train(Size size, Target target, int seed)
    {
        var step = StepFlops(size, target.Inputs);
        var best = Once(size, target, seed, Budget, step);
        for (var again = 1; best.Flops + step <= Budget; again++)
        {
            var next = Once(size, target, seed + 1_000 * again, Budget - best.Flops, step);
            best = (next.TrainingLoss < best.TrainingLoss ? next : best) with { Seed = seed, Flops = best.Flops + next.Flops, Seconds = best.Seconds + next.Seconds };
        }
        return best;
    }

    private Outcome Once(Size size, Target target, int seed, double budget, double stepFlops)
    {
        var steps = Math.Max(1, (int)(budget / stepFlops));
        var fitted = Fitted.Try(() => size.Fit(target.Sample(RowCount, seed), target, options => (options.Optimizer, options.Epochs, options.Seed) = (Optimizer, steps, seed)));
        return new Outcome(size, target, seed, fitted, stepFlops * (fitted.HasDiverged ? steps : StepsTaken([.. fitted.History.Epochs.Select(epoch => epoch.TrainingLoss)])), fitted.Seconds);
    }

    /// <summary>The steps of a training until it was at rest: what follows costs nothing.</summary>
    public static int StepsTaken(double[] losses)
    {
        var changed = Array.FindLastIndex(losses, loss => loss != losses[^1]) + 1;
        return Math.Min(losses.Length, changed + Patience);
    }

    private double StepFlops(Size size, int inputs)
    {
        var (forward, weights) = (size.Forward(inputs), size.Parameters(inputs));
        return Optimizer is LBfgs ? Flops.LBfgs(forward, RowCount, weights, steps: 1) : Flops.LevenbergMarquardt(forward, RowCount, weights, steps: 1);
    }
}

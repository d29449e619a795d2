namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// Growth by Levenberg and Marquardt's method. The first stage starts from kinks at the rows, every other from the network so far. Where units are added, they read its output, unless told otherwise: many candidates train their new units and the read-out,
/// the best quarter goes on, and the best of them by training loss trains all weights. Where none are added, candidates are the network so far with noise.
/// </summary>
internal sealed record GrowthRecipe(int RowCount, int Candidates = 16)
{
    private const int FirstSteps = 25, FinalistSteps = 60, LastSteps = 60;

    private const float Noise = 0.1f;

    private int Finalists => Math.Max(1, Candidates / 4);

    public string Effort => $"{Candidates} candidates of {FirstSteps} steps of Levenberg and Marquardt's method in each stage, the best {Finalists} for {FinalistSteps} more, the best of them for {LastSteps} more on all weights; {RowCount} rows, of each growth its own; all choices by training loss";

    /// <summary>The bound of every row sum and bias; null for none.</summary>
    public float? MaxWeightNorm { get; init; }

    /// <summary>How units start that are added.</summary>
    public Initialization NewUnits { get; init; } = Initialization.Cascade();

    /// <summary>Grows networks, each from another seed, until the FLOPs are spent. Whole growths do not add up to them to the last: a DEQ stops before it would spend more, an FNN when it has not spent less.</summary>
    public Outcome Train(Growth plan, int seed, double flops = 0) => BestStages(plan, seed, flops)[^1];

    /// <summary>The same with what stands after each stage: the best of all growths by training loss.</summary>
    public IReadOnlyList<Outcome> BestStages(Growth plan, int seed, double flops)
    {
        var best = Stages(plan, seed).ToList();
        var once = best[^1].Flops;
        for (var again = 1; best[^1].Size.IsDeq ? best[^1].Flops + once <= flops : best[^1].Flops < flops; again++)
            best = [.. best.Zip(Stages(plan, seed + 1_000 * again), Better)];
        return [.. best.Select(outcome => outcome with { Seed = seed })];
    }

    /// <summary>The same for several targets on the way: one growth gives a network for each.</summary>
    /// <param name="regime">What tables call it.</param>
    /// <param name="plan">Its stages learn these targets, and others maybe.</param>
    /// <param name="targets">What is told, in this order.</param>
    /// <param name="first">The first seed of the test.</param>
    /// <param name="count">How many seeds.</param>
    /// <param name="flops">What each seed may spend; 0 for one growth.</param>
    public List<Series> Run(string regime, Growth plan, IEnumerable<Target> targets, int first, int count, double flops = 0)
    {
        var told = targets.ToList();
        var seeds = Seeds.ForEach(first, count, seed => BestStages(plan, seed, flops).Where(outcome => told.Contains(outcome.Target)).Select(outcome => outcome.Judged()).ToDictionary(outcome => outcome.Target));
        return [.. told.Select(target => new Series(regime, plan.Name, target, [.. seeds.Select(stages => stages[target])]))];
    }

    private static Outcome Better(Outcome one, Outcome other) =>
        (other.TrainingLoss < one.TrainingLoss ? other : one) with { Flops = one.Flops + other.Flops, Seconds = one.Seconds + other.Seconds };

    /// <summary>Grows a network once.</summary>
    /// <returns>It after each stage, with what was spent so far.</returns>
    public IEnumerable<Outcome> Stages(Growth plan, int seed)
    {
        var (flops, seconds) = (0.0, 0.0);
        Fitted? fitted = null;
        Size? before = null;
        foreach (var (size, target) in plan.Stages)
        {
            var (start, grows) = (fitted?.Network, Grows(before, size));
            // What has diverged does not grow on.
            fitted = fitted is { HasDiverged: true } ? fitted : Fitted.Try(() => size.Fit(target.Sample(RowCount, seed), target, options =>
            {
                options.Optimizer = new LevenbergMarquardt();
                options.InitialNetwork = start;
                options.Initialization = grows ? NewUnits : Initialization.Kink();
                options.FrozenEpochs = grows ? FirstSteps + FinalistSteps : 0;
                options.Starts = new Starts(Candidates, FirstSteps, Finalists, FinalistSteps, start is null || grows ? 0 : Noise);
                options.Epochs = FirstSteps + FinalistSteps + LastSteps;
                options.MaxWeightNorm = MaxWeightNorm;
                options.Seed = seed;
            }));
            (flops, seconds) = (flops + FlopsOf(before, size, target.Inputs), seconds + fitted.Seconds);
            before = size;
            yield return new Outcome(size, target, seed, fitted, flops, seconds);
        }
    }

    /// <summary>What one growth costs.</summary>
    public double FlopsOf(Growth plan) => plan.Stages.Select((stage, i) => FlopsOf(i == 0 ? null : plan.Stages[i - 1].Size, stage.Size, stage.Target.Inputs)).Sum();

    private double FlopsOf(Size? before, Size size, int inputs)
    {
        var (forward, all) = (size.Forward(inputs), size.Parameters(inputs));
        // The read-out of the units that are there trains with the new ones.
        var free = Grows(before, size) ? all - before!.Parameters(inputs) + before.LastUnits + 1 : all;
        return Flops.LevenbergMarquardt(forward, RowCount, free, Candidates * FirstSteps + Finalists * FinalistSteps)
            + Flops.LevenbergMarquardt(forward, RowCount, all, LastSteps);
    }

    private static bool Grows(Size? before, Size size) => before is not null && before.Parameters(inputs: 1) < size.Parameters(inputs: 1);
}

using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>Refuses options of one trainer that exclude each other, or would be without effect beside others.</summary>
internal static class OptionChecks
{
    /// <summary>The architecture given.</summary>
    /// <param name="architecture">The options of one trainer.</param>
    /// <param name="solver">Solver as it was given; the architecture has what the rule asks for in the place of Auto.</param>
    /// <param name="gradientSolver">GradientSolver as it was given; null where it was not.</param>
    /// <exception cref="ArgumentException">Two options exclude each other; the message names both and the alternatives.</exception>
    public static DeqArchitecture Check(DeqArchitecture architecture, FixedPointSolver solver, FixedPointSolver? gradientSolver)
    {
        CheckCell(architecture, solver, gradientSolver);
        new Combination(architecture.Rule, architecture.Activation, solver, gradientSolver, architecture.Dropout).Check();
        CheckGradient(architecture, solver, gradientSolver is not null);
        return architecture;
    }

    /// <summary>The settings given.</summary>
    /// <exception cref="ArgumentException">Two options exclude each other; the message names both and the alternatives.</exception>
    public static TrainingSettings Check(TrainingSettings settings)
    {
        if (settings.Starts is { } starts && (long)starts.Epochs + starts.FinalistEpochs > settings.Epochs)
        {
            throw Refused("Starts", $"Starts trains {starts.Epochs} epochs and finalists {starts.FinalistEpochs} more; Epochs is {settings.Epochs}, which counts them too. Raise Epochs.");
        }
        if (settings.Starts is { Count: > 1, Perturbation: 0 } && settings.Architecture is DeqArchitecture { Cell: DeqCell.DiagonalLinear })
        {
            throw Refused("Starts", "Starts asks for several, and a diagonal linear cell has one: it starts from 0, or from a network, which Starts may be given a perturbation of.");
        }
        if (settings is { MaxWeightNorm: { } norm, Architecture: DeqArchitecture { Cell: DeqCell.DiagonalLinear } })
        {
            throw Refused("MaxWeightNorm", FormattableString.Invariant($"MaxWeightNorm is {norm}, and Cell is DiagonalLinear, whose read-out of ones does not train and must stay. Set MaxWeightNorm to null, or use another Cell."));
        }
        return settings;
    }

    /// <summary>The engine that is asked for, and Direct where Auto is and another option needs Direct.</summary>
    /// <param name="engine">The option Engine.</param>
    /// <param name="device">The option Device.</param>
    /// <param name="settings">What the options ask for.</param>
    /// <exception cref="ArgumentException">It does not do what the other options ask for; the message names the option and the alternatives.</exception>
    public static Engine CheckEngine(Engine engine, string? device, TrainingSettings settings)
    {
        CheckOptimizer(engine, settings);
        // For each option that needs Direct, what it is and what else it may be.
        (string Is, string Instead)[] needs =
        [
            .. settings.Optimizer.IsFullBatch ? [($"Optimizer is {settings.Optimizer.GetType().Name}", "Optimizer to Adam, or ")] : Array.Empty<(string, string)>(),
            .. settings.FrozenEpochs > 0 ? [($"FrozenEpochs is {settings.FrozenEpochs}", "FrozenEpochs to 0, or ")] : Array.Empty<(string, string)>(),
        ];
        var (asked, chosen) = engine == Engine.Auto && needs.Length > 0 ? ($"{needs[0].Is}, which Engine Direct does", Engine.Direct) : ($"Engine is {engine}", engine);
        if (settings.FrozenEpochs > 0 && chosen != Engine.Direct)
        {
            throw Refused("FrozenEpochs", $"FrozenEpochs is {settings.FrozenEpochs}, and Engine is {engine}: only Direct keeps units as they are. Set Engine to Direct, or FrozenEpochs to 0.");
        }
        if (chosen is not (Engine.Simd or Engine.Direct))
        {
            return chosen;
        }
        // Where more than one option asks for Direct, to change one of them would not do.
        var instead = (needs.Length, chosen == engine) switch { (0, true) => "Engine to Torch, or ", (1, false) => needs[0].Instead, _ => "" };
        if (device is not (null or "cpu"))
        {
            throw Refused("Engine", $"{asked}{(chosen == engine ? ", which trains" : "")} on the CPU, and Device is \"{device}\". Set {instead}Device to \"cpu\".");
        }
        if ((chosen == Engine.Simd ? EngineChoice.Of(settings.Architecture) : EngineChoice.OfDirect(settings.Architecture)) is { } obstacle)
        {
            throw Refused("Engine", $"{asked}, and {obstacle}, which {chosen} does not do. Set {instead}{obstacle.Change}.");
        }
        return chosen;
    }

    private static void CheckOptimizer(Engine engine, TrainingSettings settings)
    {
        var name = settings.Optimizer.GetType().Name;
        if (settings.Optimizer is LevenbergMarquardt && settings.Loss is not SquaredLoss)
        {
            throw Refused("Optimizer", $"Optimizer is {name}, which is for the squared loss, and Loss is {settings.Loss}. Set Optimizer to LBfgs{(settings.Loss is RegressionLoss ? ", or Loss to Squared" : "")}.");
        }
        if (settings.Optimizer.IsFullBatch && engine is (Engine.Torch or Engine.Simd))
        {
            throw Refused("Optimizer", $"Optimizer is {name}, and Engine is {engine}, which does not do it. Set Engine to Direct, or Optimizer to Adam.");
        }
        if (settings.Optimizer.IsFullBatch && settings.GradientClip is { } clip)
        {
            throw Refused("GradientClip", FormattableString.Invariant($"GradientClip is {clip}, and Optimizer is {name}, which chooses the length of its steps. Set GradientClip to null, or Optimizer to Adam."));
        }
    }

    private static void CheckCell(DeqArchitecture architecture, FixedPointSolver solver, FixedPointSolver? gradientSolver)
    {
        if (architecture.Cell == DeqCell.LayerNormalized)
        {
            LayerNormalizedCell.Check(solver, "Solver");
            LayerNormalizedCell.Check(gradientSolver ?? new Auto(), "GradientSolver");
            LayerNormalizedCell.Check(architecture.Rule, "WellPosedness");
        }
        if (architecture.Initialization is GivenInitialization { W: var w } && w.Length != (long)architecture.StateSize * architecture.StateSize)
        {
            throw Refused("Initialization", $"Initialization gives a W of {w.Length} values; HiddenSize {architecture.StateSize} needs {(long)architecture.StateSize * architecture.StateSize}.");
        }
        if (architecture.Initialization.ReadsRows && architecture.Cell == DeqCell.LayerNormalized)
        {
            throw Refused("Initialization", "Initialization places kinks at training rows, which a layer-normalised cell would move. Set it to Gaussian, Orthogonal, Triangular or Given, or Cell to Dense.");
        }
        if ((architecture.Initialization, architecture.Rule) is (LogTimescalesInitialization, StrictlyTriangularRule) or (CascadeInitialization, DiagonalRule))
        {
            throw Refused("Initialization", $"Initialization sets entries of W that {architecture.Rule} forbids. Set Initialization to Kink, or WellPosedness to None or InfinityNorm.");
        }
        if (architecture.Cell == DeqCell.DiagonalLinear
            && (architecture.SkipConnection, architecture.EncoderSizes, architecture.Dropout, architecture.Initialization) is not (false, { Count: 0 }, 0, GaussianInitialization { Scale: null }))
        {
            throw Refused("Cell", "A diagonal linear cell goes with neither SkipConnection, EncoderSizes, Dropout nor Initialization: it starts from 0, or from InitialNetwork. Leave these options, or use another Cell.");
        }
    }

    private static void CheckGradient(DeqArchitecture architecture, FixedPointSolver solver, bool givesSolver)
    {
        if (architecture.Gradient is not Implicit && givesSolver)
        {
            throw Refused("GradientSolver", $"GradientSolver serves the linear system of the Implicit gradient, and Gradient is {architecture.Gradient}, which solves none. Leave GradientSolver null, or set Gradient to Implicit.");
        }
        if (architecture.Gradient is Unrolled or Phantom && architecture.Rule is MonotoneRule)
        {
            throw Refused("Gradient", $"Gradient is {architecture.Gradient}, steps of plain iteration, which usually diverges under {architecture.Rule}. Set Gradient to Implicit or OneStep.");
        }
        if (architecture.JacobianPenalty is not null && architecture.Cell == DeqCell.LayerNormalized)
        {
            throw Refused("JacobianPenalty", "JacobianPenalty is set, which is for a cell without normalisation, and Cell is LayerNormalized. Set JacobianPenalty to null, or Cell to Dense.");
        }
        if (architecture.Gradient is Unrolled && solver is not (Auto or Picard { Damping: 1 }))
        {
            throw Refused("Gradient", $"Gradient is Unrolled, which iterates plainly, and Solver is {solver}. Set Solver to Picard, or Gradient to Implicit.");
        }
        if (architecture.Gradient is Unrolled && architecture.WarmStart)
        {
            throw Refused("WarmStart", "WarmStart is true, and Gradient is Unrolled, which starts from zero. Set WarmStart to false, or Gradient to Implicit.");
        }
        // Unrolled iterates plainly, also where Auto stands for another method.
        if (architecture.Solver is ForwardSubstitution && architecture.Gradient is not Unrolled)
        {
            var given = solver is Auto ? $"Solver is Auto, which under {architecture.Rule} is ForwardSubstitution" : "Solver is ForwardSubstitution";
            if (architecture.WarmStart)
            {
                throw Refused("WarmStart", $"WarmStart is true, and {given}, which has no start. Set WarmStart to false.");
            }
            if (architecture.FixedPointCorrection is not null)
            {
                throw Refused("FixedPointCorrection", $"FixedPointCorrection is set, and {given}, which has no iterates. Set FixedPointCorrection to null, or Solver to Picard.");
            }
        }
    }

    private static ArgumentException Refused(string option, string why) => new(why, option);
}

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

    /// <summary>Checks that an engine that is asked for does what the other options ask for.</summary>
    /// <exception cref="ArgumentException">It does not; the message names the option and the alternatives.</exception>
    public static void CheckEngine(Engine engine, string? device, Architecture architecture)
    {
        if (engine != Engine.Simd)
        {
            return;
        }
        if (device is not (null or "cpu"))
        {
            throw Refused("Engine", $"Engine is Simd, which trains on the CPU, and Device is \"{device}\". Set Engine to Torch, or Device to \"cpu\".");
        }
        if (EngineChoice.Of(architecture) is { } obstacle)
        {
            throw Refused("Engine", $"Engine is Simd, and {obstacle}, which Simd does not do. Set Engine to Torch, or {obstacle.Change}.");
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

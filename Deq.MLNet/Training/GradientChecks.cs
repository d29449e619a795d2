using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>Refuses options of the gradient that would be without effect beside others.</summary>
internal static class GradientChecks
{
    /// <summary>The architecture given.</summary>
    /// <param name="architecture">The options of one trainer.</param>
    /// <param name="solver">Solver as it was given; the architecture has what the rule asks for in the place of Auto.</param>
    /// <param name="givesSolver">Whether GradientSolver was given.</param>
    /// <exception cref="ArgumentException">Two options exclude each other; the message names both and the alternatives.</exception>
    public static DeqArchitecture Check(DeqArchitecture architecture, FixedPointSolver solver, bool givesSolver)
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
        return architecture;
    }

    private static ArgumentException Refused(string option, string why) => new(why, option);
}

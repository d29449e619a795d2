namespace Deq.MLNet.Networks;

/// <summary>The choices of a deep equilibrium network that must fit one another.</summary>
/// <param name="WellPosedness">The rule.</param>
/// <param name="Activation">phi.</param>
/// <param name="Solver">Of the equilibrium.</param>
/// <param name="GradientSolver">Of its adjoint; null for Auto, which fits.</param>
/// <param name="Dropout">In [0, 1).</param>
internal sealed record Combination(WellPosedness WellPosedness, Activation Activation, FixedPointSolver Solver, FixedPointSolver? GradientSolver, float Dropout)
{
    private bool IsMonotone => WellPosedness is MonotoneRule;

    /// <summary>Throws where a network of this rule, activation and solver does not fit together; one without a rule may be solved by any method.</summary>
    /// <exception cref="ArgumentException">The first misfit, and the changes after which there is none.</exception>
    public static void CheckNetwork(WellPosedness rule, Activation activation, FixedPointSolver solver)
    {
        if (rule is not NoRule)
        {
            new Combination(rule, activation, solver, GradientSolver: null, Dropout: 0).Check();
        }
    }

    /// <summary>Throws where something does not fit, and tells what would.</summary>
    /// <exception cref="ArgumentException">The first misfit, and the changes after which there is none.</exception>
    public void Check()
    {
        var (fitting, changes, first) = (this, new List<string>(), default(string));
        while (fitting.FirstMisfit() is { } misfit)
        {
            first ??= misfit.Reason;
            changes.Add(misfit.Change);
            fitting = misfit.Fitting;
        }
        if (first is not null)
        {
            throw new ArgumentException($"{first} Set {string.Join(" and ", changes)}.");
        }
    }

    /// <summary>What does not fit, with the change that makes it fit, in words and done.</summary>
    private (string Reason, string Change, Combination Fitting)? FirstMisfit()
    {
        if (IsMonotone && !Activation.IsPiecewiseLinear())
        {
            return ($"Under {WellPosedness} the activation must be ReLU, LeakyReLU or Identity, whose proximal maps are known; Activation is {Activation}.", "Activation to ReLU", this with { Activation = Activation.ReLU });
        }
        if (IsMonotone && Dropout > 0)
        {
            return (FormattableString.Invariant($"Dropout stretches the cell, and a stretched one need not be monotone; Dropout is {Dropout} under {WellPosedness}."), "Dropout to 0", this with { Dropout = 0 });
        }
        if (MisfitOf(Solver, isAdjoint: false) is { } reason)
        {
            return (reason, "Solver to Auto", this with { Solver = new Auto() });
        }
        return GradientSolver is not null && MisfitOf(GradientSolver, isAdjoint: true) is { } adjoint
            ? (adjoint, "GradientSolver to Auto", this with { GradientSolver = new Auto() })
            : null;
    }

    /// <summary>What is wrong with a solver; the adjoint is linear, whatever the activation.</summary>
    private string? MisfitOf(FixedPointSolver solver, bool isAdjoint)
    {
        var name = $"{(isAdjoint ? "GradientSolver" : "Solver")} {solver.GetType().Name}";
        return solver switch
        {
            ForwardBackward or PeacemanRachford when !IsMonotone => $"{name} is for a W under Monotone; WellPosedness is {WellPosedness}.",
            ForwardSubstitution when WellPosedness is not (StrictlyTriangularRule or DiagonalRule) => $"{name} is for a W under StrictlyTriangular or Diagonal; WellPosedness is {WellPosedness}.",
            ForwardSubstitution when !isAdjoint && WellPosedness is DiagonalRule && !Activation.IsPiecewiseLinear() =>
                $"{name} solves a diagonal cell in closed form, which ReLU, LeakyReLU and Identity have; Activation is {Activation}.",
            Newton when !isAdjoint && !Activation.IsPiecewiseLinear() => $"{name} goes piece by piece through ReLU, LeakyReLU or Identity; Activation is {Activation}.",
            Picard or Anderson or Broyden when IsMonotone => $"{name} usually diverges under {WellPosedness}, which bounds no norm of W; PeacemanRachford, which Auto takes there, converges.",
            _ => null,
        };
    }
}

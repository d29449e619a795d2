using System.Text.RegularExpressions;
using CsCheck;
using Deq.MLNet.Tests.Storage;
using Deq.MLNet.Tests.Training;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Rule, solver, solver of the gradient, activation and dropout, each with each: what fits trains, and what does not is refused with what would.</summary>
public sealed partial class RuleGridTests
{
    private static readonly FixedPointSolver[] Solvers =
        [new Picard(), new Anderson(), new Broyden(), new Newton(), new ForwardSubstitution(), new ForwardBackward(), new PeacemanRachford(), new Auto()];

    private sealed record Cell(WellPosedness Rule, FixedPointSolver Solver, FixedPointSolver? GradientSolver, Activation Activation, float Dropout)
    {
        public override string ToString() => $"{Rule} {Solver.GetType().Name} {GradientSolver?.GetType().Name} {Activation} {Dropout}";
    }

    private static readonly Cell[] Grid =
    [
        .. from rule in RuleReference.All
           from solver in Solvers
           from gradientSolver in Solvers.Append(null)
           from activation in Enum.GetValues<Activation>()
           from dropout in new[] { 0, 0.25f }
           select new Cell(rule, solver, gradientSolver, activation, dropout),
    ];

    private static DeqRegressionTrainer.Options Options(Cell cell) => new()
    {
        HiddenSize = 4,
        Epochs = 2,
        BatchSize = 8,
        LearningRate = 1e-2f,
        Threads = 1,
        MaxIterations = 500,
        WellPosedness = cell.Rule,
        Solver = cell.Solver,
        GradientSolver = cell.GradientSolver,
        Activation = cell.Activation,
        Dropout = cell.Dropout,
    };

    /// <summary>Why a cell is refused; null where it is not.</summary>
    private static string? Refusal(Cell cell)
    {
        try
        {
            Options(cell).ToSettings(1);
            return null;
        }
        catch (ArgumentException refused)
        {
            return refused.Message;
        }
    }

    [GeneratedRegex("(Solver|GradientSolver|Activation|Dropout) to ([A-Za-z0]+)")]
    private static partial Regex Changes();

    [Fact]
    public void What_is_refused_names_changes_after_which_it_is_accepted()
    {
        var refused = 0;
        foreach (var cell in Grid)
        {
            if (Refusal(cell) is not { } message)
            {
                continue;
            }
            refused++;
            message.Should().Contain(" Set ");
            var changed = cell;
            foreach (Match change in Changes().Matches(message[message.LastIndexOf(" Set ", StringComparison.Ordinal)..]))
            {
                changed = (change.Groups[1].Value, change.Groups[2].Value) switch
                {
                    ("Solver", "Auto") => changed with { Solver = new Auto() },
                    ("GradientSolver", "Auto") => changed with { GradientSolver = new Auto() },
                    ("Activation", "ReLU") => changed with { Activation = Activation.ReLU },
                    ("Dropout", "0") => changed with { Dropout = 0 },
                    var other => throw new NotSupportedException($"{other}"),
                };
            }
            changed.Should().NotBe(cell);
            Refusal(changed).Should().BeNull($"{cell}: {message}");
        }
        refused.Should().BeInRange(Grid.Length / 4, Grid.Length * 3 / 4);
    }

    [Theory]
    [InlineData("Spectral", nameof(Newton), Activation.Tanh, 0f, "Solver Newton goes piece by piece through ReLU, LeakyReLU or Identity; Activation is Tanh. Set Solver to Auto.")]
    [InlineData("Perron", nameof(PeacemanRachford), Activation.ReLU, 0f, "Solver PeacemanRachford is for a W under Monotone; WellPosedness is Perron(0.95). Set Solver to Auto.")]
    [InlineData("None", nameof(ForwardBackward), Activation.Softplus, 0f, "Solver ForwardBackward is for a W under Monotone; WellPosedness is None. Set Solver to Auto.")]
    [InlineData("Monotone", nameof(Auto), Activation.GELU, 0f, "Under Monotone(0.5) the activation must be ReLU, LeakyReLU or Identity*; Activation is GELU. Set Activation to ReLU.")]
    [InlineData("Monotone", nameof(Anderson), Activation.ReLU, 0f, "Solver Anderson usually diverges under Monotone(0.5)*PeacemanRachford, which Auto takes there*Set Solver to Auto.")]
    [InlineData("Monotone", nameof(Picard), Activation.Tanh, 0.25f, "*Activation is Tanh. Set Activation to ReLU and Dropout to 0 and Solver to Auto.")]
    [InlineData("Spectral", nameof(ForwardSubstitution), Activation.ReLU, 0f, "Solver ForwardSubstitution is for a W under StrictlyTriangular or Diagonal; WellPosedness is Spectral(0.9). Set Solver to Auto.")]
    [InlineData("Diagonal", nameof(ForwardSubstitution), Activation.Tanh, 0f, "*closed form*Activation is Tanh. Set Solver to Auto.")]
    public void A_refusal_tells_why(string rule, string solver, Activation activation, float dropout, string message) =>
        Refusal(new Cell(RuleReference.Named(rule), Solvers.Single(s => s.GetType().Name == solver), null, activation, dropout)).Should().Match(message);

    /// <summary>The adjoint is linear: Newton is one direct solve of it, and substitution solves it under any activation.</summary>
    [Fact]
    public void A_solver_of_the_gradient_may_be_one_that_the_cell_could_not_have()
    {
        Refusal(new Cell(WellPosedness.Spectral(), new Picard(), new Newton(), Activation.Tanh, 0.25f)).Should().BeNull();
        Refusal(new Cell(WellPosedness.Diagonal(), new Picard(), new ForwardSubstitution(), Activation.GELU, 0)).Should().BeNull();
        Refusal(new Cell(WellPosedness.StrictlyTriangular, new ForwardSubstitution(), null, Activation.Softplus, 0.25f)).Should().BeNull();
        Refusal(new Cell(WellPosedness.Spectral(), new Picard(), new ForwardBackward(), Activation.ReLU, 0)).Should().StartWith("GradientSolver ForwardBackward").And.EndWith("Set GradientSolver to Auto.");
    }

    [Fact]
    public void A_network_refuses_a_solver_that_does_not_fit_it()
    {
        void Make(WellPosedness rule, FixedPointSolver solver) => _ = new DeqNetwork([-0.5f], [1], [0], [1], [0], Activation.Tanh, rule: rule, scoring: new EquilibriumSettings(solver));
        FluentActions.Invoking(() => Make(WellPosedness.Spectral(), new PeacemanRachford())).Should().Throw<Exception>();
        FluentActions.Invoking(() => Make(WellPosedness.Monotone(), new Picard())).Should().Throw<ArgumentException>().WithMessage("*Set Activation to ReLU and Solver to Auto.");
        FluentActions.Invoking(() => Make(WellPosedness.Spectral(), new Picard())).Should().NotThrow();
    }

    [Fact]
    public void What_is_accepted_trains_to_a_network_that_obeys_its_rule_and_whose_rows_are_solved()
    {
        var accepted = Grid.Where(cell => Refusal(cell) is null).ToArray();
        new Random(1).Shuffle(accepted);
        var rows = Setup.Smooth(16, 1);
        foreach (var cell in accepted.Take(LongForm.Times(120)))
        {
            var monitor = new RecordingMonitor();
            var trained = NetworkTraining.Fit(Options(cell).ToSettings(1), (settings, start) => new TorchEngine(settings, start, TensorPlace.On(TorchBackend.EnsureAvailable())), Setup.Copy(rows), null, null, monitor);

            var network = (DeqNetwork)trained.Network;
            network.Weights().Should().OnlyContain(w => float.IsFinite(w), $"{cell}");
            network.Certificate.RuleHolds.Should().BeTrue($"{cell}");
            trained.Equilibrium!.Count(SolveStatus.Converged).Should().Be(16 - trained.Equilibrium.Count(SolveStatus.AtPrecisionLimit), $"{cell}");
            trained.History.Epochs.Should().OnlyContain(e => e.WorstResidual <= 1e-4 && e.WorstGradientResidual <= 1e-4, $"{cell}");
            monitor.Warnings.Should().BeEmpty($"{cell}");
        }
        accepted.Length.Should().BeGreaterThan(200);
    }

    [Theory]
    [InlineData("None")]
    [InlineData("Spectral")]
    [InlineData("InfinityNorm")]
    [InlineData("Perron")]
    [InlineData("Monotone")]
    [InlineData("StrictlyTriangular")]
    [InlineData("Diagonal")]
    public void A_rule_is_kept_and_proved_through_a_pipeline_that_is_fitted_saved_and_loaded(string name)
    {
        var rule = RuleReference.Named(name);
        var cell = new Cell(rule, name == "Monotone" ? new Auto() : new Picard(), null, Activation.ReLU, 0);
        void Set(NetworkTrainerOptions o) => (o.Epochs, ((DeqTrainerOptions)o).WellPosedness, ((DeqTrainerOptions)o).Solver) = (15, rule, cell.Solver);
        var model = TrainerCase.Deq.Fit(Set);
        var network = (DeqNetwork)model.Model.Network;

        network.Certificate.Should().Match<Certificate>(c => c.Rule == rule && c.RuleHolds && (c.IsProved || name == "None") && c.StateSize == TrainerCase.HiddenSize);
        RuleReference.Excess(rule, Linear.ToDouble(network.W.Span), network.StateSize, Activation.ReLU).Should().BeLessThanOrEqualTo(0);
        network.W.ToArray().Should().Contain(w => w != 0);
        TrainerCase.Deq.MeanLoss(network, Rows()).Should().BeLessThan(2, "the label has a variance of 5 and more");
        var data = TrainerCase.Deq.View(new MLContext(1));
        var loaded = (DeqNetwork)((AnyModel)model.SavedAndLoaded(data.Schema)).Model.Network;
        SameBits.Assert(loaded, network);
        loaded.Certificate.ToString().Should().Be(rule.Certify(network.W.Span, network.StateSize, Activation.ReLU).ToString());
    }
}

using CsCheck;

namespace Deq.MLNet.Tests.Networks;

public class CertificateTests
{
    /// <summary>Cells of every kind, small enough for plain references.</summary>
    private static readonly Gen<CellProblem> Problems = Gen.Select(Gen.OneOf(CellProblem.Contraction, CellProblem.Monotone, CellProblem.Triangular), Gen.Int[1, 12])
        .Select((p, size) => new CellProblem(p.Kind, p.Kind == CellKind.Monotone ? size + 1 : size, p.Rho, p.Activation, p.Seed));

    /// <summary>Every rule, as wide as it goes; a monotone one for the margin of the cell.</summary>
    private static WellPosedness[] RulesFor(CellProblem p) =>
    [
        WellPosedness.None, WellPosedness.Spectral(0.9999f), WellPosedness.InfinityNorm(0.9999f), WellPosedness.Perron(0.9999f), WellPosedness.Diagonal(0.9999f), WellPosedness.StrictlyTriangular,
        .. p.Activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity ? [WellPosedness.Monotone((float)Math.Max(0.999 * (1 - p.Rho), 1e-3))] : Array.Empty<WellPosedness>(),
    ];

    [Fact]
    public void No_state_is_further_from_its_equilibrium_than_its_residual_says()
    {
        var proved = new System.Collections.Concurrent.ConcurrentDictionary<string, CellProblem>();
        Problems.Sample(p =>
        {
            foreach (var certificate in RulesFor(p).Select(rule => rule.Certify(p.W, p.Size, p.Activation)).Where(c => c.IsProved))
            {
                var random = new Random(p.Seed);
                for (var trial = 0; trial < 6; trial++)
                {
                    var z = p.Equilibrium.Zip(RandomCell.Values(random, p.Size, Math.Pow(10, random.Next(-4, 3))), (e, step) => e + step).ToArray();
                    var residual = Linear.Distance(FixedPoint.Cell(p.W64, p.U64, z, p.Activation), z);
                    Linear.Distance(z, p.Equilibrium).Should().BeLessThanOrEqualTo(certificate.ErrorPerResidual!.Value * residual + 1e-9, $"{certificate} of {p}");
                }
                proved.TryAdd($"{certificate.Rule}"[..4], p);
            }
        }, iter: LongForm.Times(150));
        proved.Keys.Should().BeEquivalentTo(["None", "Spec", "Infi", "Perr", "Diag", "Stri", "Mono"]);
    }

    /// <summary>A slope above 1 is none of a proximal map: I - W being monotone then proves nothing.</summary>
    [Fact]
    public void A_monotone_rule_proves_nothing_of_an_activation_with_slopes_above_1()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            WellPosedness.Monotone(0.01f).Certify([0.98f], 1, activation).Should().Match<Certificate>(c => c.IsProved == (activation != Activation.GELU) && c.RuleHolds == c.IsProved);
        }
    }

    /// <summary>The largest residual per error of the linear cell is a singular value of I - W: what the bound is held against.</summary>
    [Fact]
    public void The_bound_on_the_error_is_met_by_cells_that_need_all_of_it()
    {
        // z = 0.75 z + u: the residual is a quarter of the error.
        foreach (var rule in new[] { WellPosedness.None, WellPosedness.Spectral(), WellPosedness.InfinityNorm(), WellPosedness.Perron(), WellPosedness.Diagonal() })
        {
            rule.Certify([0.75f], 1, Activation.Identity).ErrorPerResidual.Should().BeApproximately(4, 1e-8, $"{rule}");
        }
        // I - W = [1 0; -3 1], whose inverse has a 2-norm of 3.303: the bound is the geometric mean of two norms of 4.
        WellPosedness.StrictlyTriangular.Certify([0, 0, 3, 0], 2, Activation.Identity).ErrorPerResidual.Should().BeApproximately(4, 1e-10);
        // W = -8 I is monotone with 9: 1 + 8 / 9, where the error is a ninth of the residual.
        WellPosedness.Monotone().Certify([-8], 1, Activation.Identity).ErrorPerResidual.Should().BeApproximately(1 + 8.0 / 9, 1e-10);
        WellPosedness.InfinityNorm().Certify([0.5f, 0, 0, 0, 0.5f, 0, 0, 0, 0.5f, 0, 0, 0, 0.5f, 0, 0, 0], 4, Activation.ReLU).ErrorPerResidual.Should().BeApproximately(4, 1e-10, "sqrt(4) / (1 - 0.5)");
    }

    [Fact]
    public void Plain_iteration_is_as_near_as_its_bound_says_after_every_step() => Problems.Sample(p =>
    {
        foreach (var certificate in RulesFor(p).Select(rule => rule.Certify(p.W, p.Size, p.Activation)))
        {
            var z = new double[p.Size];
            for (var k = 0; k <= 2 * p.Size + 3; k++)
            {
                if (certificate.PlainIterationError(k) is { } bound)
                {
                    Linear.Distance(z, p.Equilibrium).Should().BeLessThanOrEqualTo((bound + 1e-10) * (1e-6 + Linear.Norm(p.Equilibrium)), $"{k} steps; {certificate} of {p}");
                }
                z = FixedPoint.Cell(p.W64, p.U64, z, p.Activation);
            }
            if (certificate.IterationsFor(0.01) is { } steps)
            {
                certificate.PlainIterationError(steps).Should().BeLessThanOrEqualTo(0.01 * (1 + 1e-9));
                (certificate.PlainIterationError(Math.Max(0, steps - 2)) ?? 1).Should().BeGreaterThan(steps > 2 ? 0.01 : -1);
            }
            (certificate.IterationsFor(0.5) is null).Should().Be(certificate.PlainIterationError(100_000) is not < 0.5);
        }
    }, iter: LongForm.Times(60));

    [Fact]
    public void What_is_proved_of_plain_iteration_is_told_by_the_rule()
    {
        float[] wide = [0, 0, 0, 5, 0, 0, 5, 5, 0];
        var triangular = WellPosedness.StrictlyTriangular.Certify(wide, 3, Activation.ReLU);
        (triangular.PlainIterationError(2), triangular.PlainIterationError(3), triangular.IterationsFor(1e-9)).Should().Be((null, 0, 3));
        triangular.ContractionFactor.Should().BeGreaterThan(5);
        float[] skew = [0, 5, -5, 0];
        var monotone = WellPosedness.Monotone().Certify(skew, 2, Activation.ReLU);
        monotone.Should().Match<Certificate>(c => c.IsProved && c.RuleHolds && c.PlainIterationError(10_000) == null && c.IterationsFor(0.5) == null);
        WellPosedness.None.Certify(skew, 2, Activation.ReLU).Should().Match<Certificate>(c => !c.IsProved && c.RuleHolds && c.ErrorPerResidual == null && c.PlainIterationError(3) == null);
        FluentActions.Invoking(() => monotone.PlainIterationError(-1)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void A_factor_is_the_slope_of_phi_times_the_norm_that_the_rule_goes_by() => Problems.Sample(p =>
    {
        foreach (var rule in RulesFor(p))
        {
            var factor = rule.Certify(p.W, p.Size, p.Activation).ContractionFactor / Phi.Lipschitz(p.Activation);
            var expected = $"{rule}"[0] switch
            {
                'I' => p.W64.Chunk(p.Size).Max(row => row.Sum(Math.Abs)),
                'P' => RuleReference.PerronRoot(p.W64, p.Size),
                _ => Linear.SingularValues(p.W64, p.Size)[0],
            };
            factor.Should().BeGreaterThanOrEqualTo(expected * (1 - 1e-10), $"{rule} of {p}");
            if ($"{rule}"[0] != 'P' || p.W.All(v => v != 0))
            {
                factor.Should().BeLessThanOrEqualTo(expected * (1 + 1e-5), $"{rule} of {p}");
            }
        }
    }, iter: LongForm.Times(60));

    /// <summary>The slope of GELU reaches 1.129: a W of norm 0.95 makes no contraction of it.</summary>
    [Fact]
    public void GELU_tightens_every_rule_of_contraction()
    {
        foreach (var rule in new[] { WellPosedness.Spectral(0.99f), WellPosedness.InfinityNorm(0.99f), WellPosedness.Perron(0.99f), WellPosedness.Diagonal() })
        {
            rule.Certify([0.95f], 1, Activation.GELU).Should().Match<Certificate>(c => !c.RuleHolds && !c.IsProved && c.ContractionFactor > 1.07);
            rule.Certify([0.95f], 1, Activation.Tanh).Should().Match<Certificate>(c => c.RuleHolds && c.IsProved);
        }
    }

    [Fact]
    public void A_cell_of_which_nothing_follows_is_measured_and_not_proved()
    {
        var measured = WellPosedness.Spectral().Certify([0.5f], 1, Activation.ReLU, proves: false);
        measured.Should().Match<Certificate>(c => !c.IsProved && c.RuleHolds && c.ErrorPerResidual == null && c.PlainIterationError(5) == null && c.IterationsFor(0.5) == null);
        $"{measured}".Should().Be("measured, not proved: Lip(phi) times the norm of W is 0.5 in the Euclidean norm (Spectral(0.9))");
    }

    [Theory]
    [InlineData("Spectral", "proved: one equilibrium for every row, since f contracts by 0.5 in the Euclidean norm (Spectral(0.9))")]
    [InlineData("InfinityNorm", "proved: one equilibrium for every row, since f contracts by 0.5 in the infinity norm (InfinityNorm(0.95))")]
    [InlineData("Perron", "proved: one equilibrium for every row, since f contracts by 0.5 in the infinity norm weighted by its Perron vector (Perron(0.95))")]
    [InlineData("Monotone", "proved: one equilibrium for every row, since I - W is strongly monotone; the norm of W is 0.5 (Monotone(0.5))")]
    [InlineData("StrictlyTriangular", "measured, not proved: Lip(phi) times the norm of W is 0.5 in the Euclidean norm (StrictlyTriangular)")]
    [InlineData("None", "proved: one equilibrium for every row, since f contracts by 0.5 in the Euclidean norm (None)")]
    public void A_certificate_reads_as_a_sentence(string rule, string sentence) =>
        $"{RuleReference.Named(rule).Certify([0.4999f], 1, Activation.ReLU)}".Replace("0.4999", "0.5").Should().Be(sentence);

    [Fact]
    public void An_error_of_the_outputs_is_bounded_with_the_norm_of_V() => RandomCell.Within(0.1, 0.9, 12).Sample(cell =>
    {
        var network = cell.Network(Activation.ReLU, rule: WellPosedness.Spectral(0.95f));
        var (w, v, equilibrium) = (Linear.ToDouble(cell.W), Linear.ToDouble(cell.V), cell.Equilibrium(Activation.ReLU));
        var z = equilibrium.Zip(RandomCell.Values(new Random(cell.Seed), cell.Size, 0.1), (e, step) => e + step).ToArray();
        var residual = Linear.Distance(FixedPoint.Cell(w, cell.Injection, z, Activation.ReLU), z);

        Linear.Distance(Linear.Affine(v, z, Linear.ToDouble(cell.C)), cell.Outputs64(Activation.ReLU)).Should().BeLessThanOrEqualTo(network.OutputErrorPerResidual!.Value * residual + 1e-9);
        network.OutputErrorPerResidual.Should().BeApproximately(Linear.SingularValues(v, cell.Size)[0] * network.Certificate.ErrorPerResidual!.Value, 1e-6 * network.OutputErrorPerResidual.Value);
        cell.Network(Activation.ReLU, rule: null).Certificate.IsProved.Should().BeTrue();
    }, iter: LongForm.Times(40));
}

using CsCheck;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Gradients;

public sealed class GradientRuleTests
{
    private const int Cells = 60;

    /// <summary>Every rule with the adjoint that it is to give, in float64 and by matrices; null for that of the implicit function theorem.</summary>
    private static readonly Dictionary<string, (EquilibriumGradient Rule, FixedPointSolver? Solver, Func<double[], double[], double[], double[]>? Adjoint)> Rules = new()
    {
        ["Implicit"] = (new Implicit(), null, null),
        ["Implicit by Anderson"] = (new Implicit(), new Anderson(), null),
        ["Phantom"] = (new Phantom(), null, Neumann(5, 0.5)),
        ["Phantom of 12 steps"] = (new Phantom(12, 0.8f), null, Neumann(12, 0.8f)),
        ["OneStep"] = (new OneStep(), null, (_, slope, g) => [.. slope.Zip(g, (s, v) => s * v)]),
        ["Unrolled"] = (new Unrolled(300), null, null),
    };

    public static TheoryData<string, string, ScalarType> Cases()
    {
        var all = new TheoryData<string, string, ScalarType>();
        foreach (var rule in Rules.Keys)
        {
            foreach (var device in TrainingDevices.Names)
            {
                all.Add(rule, device, ScalarType.Float64);
                all.Add(rule, device, ScalarType.Float32);
            }
        }
        return all;
    }

    [Theory, AmongDevices]
    [MemberData(nameof(Cases))]
    public void Every_rule_gives_its_own_closed_form(string name, string device, ScalarType type)
    {
        var (rule, solver, adjoint) = Rules[name];
        var (tolerance, allowed) = type == ScalarType.Float64 ? (1e-12, 1e-8) : (1e-7, 1e-4);
        GradientCase.UpTo(24).Sample(c =>
        {
            var reference = adjoint is null ? c.Reference() : c.Reference() with { Adjoint = adjoint };

            var (gradient, metrics) = c.Gradient(c.Architecture(rule, tolerance, solver), device, type);

            Setup.RelativeDistance(gradient, reference.Gradient(c.Parameters)).Should().BeLessThan(allowed);
            metrics.Training.Loss.Should().BeApproximately(reference.Loss(c.Parameters), allowed * metrics.Training.Loss);
        }, iter: LongForm.Times(Cells), threads: 1);
    }

    /// <summary>A row whose D W' has the norm rho is off by at most (1 - tau + tau rho)^steps of the implicit gradient, and never points against it.</summary>
    [Theory, OnDevices]
    public void The_bias_of_phantom_and_one_step_is_within_its_bound_and_vanishes_with_the_steps(string device) =>
        (from c in GradientCase.UpTo(16) from steps in Gen.Int[1, 20] from damping in Gen.OneOfConst(0.25f, 0.5f, 1f) select (c, steps, damping)).Sample(t =>
        {
            var (c, steps, damping) = t;
            double[] Gradient(EquilibriumGradient rule) => c.Gradient(c.Architecture(rule, 1e-13), device, rows: 0).Gradient[..c.ThroughState];
            double Rate(double tau)
            {
                var row = (c.Reference() with { Data = c.Data.Select([0]) }).Row(c.Parameters, 0);
                var w = c.Reference().Split(c.Parameters).W;
                // The norm of W D, which is that of its transpose D W'.
                var scaled = w.Select((value, i) => value * Phi.Slope(c.Activation, row.A[i % c.Size])).ToArray();
                return 1 - tau + tau * Linear.SingularValues(scaled, c.Size)[0];
            }
            var exact = Gradient(new Implicit());
            var norm = Linear.Norm(exact);
            if (norm == 0)
            {
                return;
            }
            foreach (var (rule, bound) in new (EquilibriumGradient, double)[] { (new Phantom(steps, damping), Math.Pow(Rate(damping), steps)), (new OneStep(), Rate(1)) })
            {
                var gradient = Gradient(rule);
                (Linear.Distance(gradient, exact) / norm).Should().BeLessThanOrEqualTo(bound * (1 + 1e-9) + 1e-9);
                gradient.Zip(exact, (a, b) => a * b).Sum().Should().BePositive();
            }
            var enough = (int)Math.Ceiling(Math.Log(1e-10) / Math.Log(Rate(damping)));
            Setup.RelativeDistance(Gradient(new Phantom(enough, damping)), exact).Should().BeLessThan(1e-8);
        }, iter: LongForm.Times(Cells), threads: 1);

    /// <summary>By central differences of the function of so many steps, away from the kinks of all of them.</summary>
    [Theory, OnDevices]
    public void Unrolled_with_a_number_of_steps_is_exact_for_the_state_where_it_stops(string device) =>
        (from c in GradientCase.UpTo(6) from steps in Gen.Int[1, 8] select (c, steps)).Where(t => !t.c.HasKinks || Iterate(t.c, t.c.Parameters, t.steps).NearestKink > 1e-3).Sample(t =>
        {
            var (c, steps) = t;

            var (gradient, metrics) = c.Gradient(c.Architecture(new Unrolled(steps), 1e-4), device);

            metrics.WorstIterations.Should().Be(steps + 1, "the residual takes one more");
            metrics.Training.Loss.Should().BeApproximately(Iterate(c, c.Parameters, steps).Loss, 1e-12 * metrics.Training.Loss);
            Setup.RelativeDistance(gradient, c.Differences(p => Iterate(c, p, steps).Loss)).Should().BeLessThan(1e-6);
        }, iter: LongForm.Times(Cells), threads: 1);

    [Theory, OnDevices]
    public void A_given_number_of_unrolled_steps_leaves_no_row_unsolved(string device)
    {
        var c = new GradientCase(12, 4, 1, 0.85, Activation.Tanh, false, 5);
        int Unsolved(Unrolled rule) => c.Gradient(c.Architecture(rule, 1e-12) with { MaxIterations = 3 }, device).Metrics.UnsolvedRows;

        Unsolved(new Unrolled(1)).Should().Be(0, "so many steps were asked for");
        Unsolved(new Unrolled()).Should().Be(6, "the tolerance was asked for, and the cap is too low");
    }

    /// <summary>A peer's phantom gradient reads the training output one step beyond the equilibrium, so that training and evaluation see different functions.</summary>
    [Theory, OnDevices]
    public void Training_reads_the_state_that_evaluation_reads_whatever_the_gradient(string device)
    {
        var c = new GradientCase(12, 4, 1, 0.9, Activation.Tanh, false, 5);
        foreach (var rule in new EquilibriumGradient[] { new Implicit(), new Phantom(), new OneStep(), new Unrolled() })
        {
            var loose = new Tolerance(0.1);
            using var engine = c.Engine(c.Architecture(rule, 0.1) with { Scoring = new EquilibriumSettings(null, loose) }, device);
            engine.Gradient([0]);

            var metrics = engine.ReadMetrics();

            metrics.WorstResidual.Should().BeInRange(1e-3, 0.1, "one step more or less would show");
            engine.Evaluate(c.Data.Select([0]), () => { }).Loss.Should().BeApproximately(metrics.Training.Loss, 1e-13);
        }
    }

    [Theory, OnDevices]
    public void The_implicit_gradient_has_a_tolerance_and_a_cap_of_its_own(string device)
    {
        var c = new GradientCase(12, 4, 1, 0.9, Activation.Tanh, false, 5);
        var exact = c.Reference().Gradient(c.Parameters);
        (double Error, double Residual, int Unsolved) With(Implicit rule)
        {
            var (gradient, metrics) = c.Gradient(c.Architecture(rule, 1e-4), device);
            metrics.WorstResidual.Should().BeLessThan(1e-4);
            return (Setup.RelativeDistance(gradient, exact), metrics.WorstGradientResidual, metrics.UnsolvedGradientRows);
        }

        var (asForward, loose, capped) = (With(new Implicit()), With(new Implicit(0.1)), With(new Implicit(maxIterations: 2)));

        asForward.Residual.Should().BeInRange(1e-6, 1e-4);
        loose.Residual.Should().BeInRange(1e-3, 0.1);
        loose.Error.Should().BeGreaterThan(10 * asForward.Error);
        (asForward.Unsolved, loose.Unsolved).Should().Be((0, 0));
        capped.Residual.Should().BeGreaterThan(1e-2);
        capped.Unsolved.Should().Be(6);
    }

    [Theory, OnDevices]
    public void Rules_leave_no_tensor_behind(string device)
    {
        var c = new GradientCase(12, 4, 1, 0.9, Activation.Tanh, false, 5);
        var live = TorchSharp.DisposeScopeManager.Statistics.TensorStatistics;
        var before = live.ThreadTotalLiveCount;
        foreach (var rule in Rules.Values.Select(r => r.Rule))
        {
            var architecture = c.Architecture(rule, 1e-4, dropout: 0.2f) with { JacobianPenalty = new JacobianPenalty(0.1f, 2), FixedPointCorrection = new FixedPointCorrection(), WarmStart = rule is not Unrolled };
            using var engine = c.Engine(architecture, device);
            engine.Step([0, 1, 2], 1e-3);
            var after = live.ThreadTotalLiveCount;
            for (var step = 0; step < 20; step++)
            {
                engine.Step([step % 6, 5 - step % 3, 0], 1e-3);
            }
            engine.ReadMetrics();
            live.ThreadTotalLiveCount.Should().Be(after);
        }
        live.ThreadTotalLiveCount.Should().Be(before);
    }

    /// <summary>tau D sum over t below steps of ((1 - tau) I + tau W'D)^t g, the powers as matrices.</summary>
    internal static Func<double[], double[], double[], double[]> Neumann(int steps, double tau) => (w, slope, g) =>
    {
        var d = g.Length;
        double[] Product(double[] a, double[] b) => [.. Enumerable.Range(0, d * d).Select(i => Enumerable.Range(0, d).Sum(k => a[i / d * d + k] * b[k * d + i % d]))];
        var one = Enumerable.Range(0, d * d).Select(i => i % (d + 1) == 0 ? 1.0 : 0).ToArray();
        var factor = one.Select((v, i) => (1 - tau) * v + tau * w[i % d * d + i / d] * slope[i % d]).ToArray();
        var (sum, power) = (new double[d * d], one);
        for (var t = 0; t < steps; t++)
        {
            sum = [.. sum.Zip(power, (a, b) => a + b)];
            power = Product(power, factor);
        }
        return [.. Linear.Affine(sum, g, new double[d]).Select((v, i) => tau * slope[i] * v)];
    };

    /// <summary>The loss after so many plain steps from zero, and how near a pre-activation came to 0.</summary>
    private static (double Loss, double NearestKink) Iterate(GradientCase c, double[] p, int steps)
    {
        var (reference, data) = (c.Reference(), c.Data);
        var (w, u, b, v, output) = reference.Split(p);
        var (loss, nearest) = (0.0, double.PositiveInfinity);
        for (var r = 0; r < data.Rows; r++)
        {
            var (injection, z) = (Linear.Affine(u, Linear.ToDouble(data.Row(r).Span), b), new double[c.Size]);
            for (var step = 0; step < steps; step++)
            {
                var a = Linear.Affine(w, z, injection);
                nearest = Math.Min(nearest, a.Min(Math.Abs));
                z = [.. a.Select(value => Phi.Of(c.Activation, value))];
            }
            loss += reference.Share(r) * Linear.Affine(v, z, output).Select((y, k) => Math.Pow(y - data.Targets[r * data.TargetCount + k], 2)).Sum();
        }
        return (loss, nearest);
    }
}

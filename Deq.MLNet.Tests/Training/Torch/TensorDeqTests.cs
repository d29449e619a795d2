using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class TensorDeqTests
{
    private static readonly FixedPointSolver[] Solvers = [new Picard(), new Picard(0.8f), new Anderson(), new Anderson(2, 0.7f)];

    /// <summary>A cell with its rows, and how it is solved.</summary>
    private sealed record Case(int Size, int Inputs, int Outputs, double Norm, Activation Activation, FixedPointSolver Solver, FixedPointSolver GradientSolver, bool Weighted, int Seed)
    {
        public static Gen<Case> Any { get; } =
            from size in Gen.Int[1, 32]
            from inputs in Gen.Int[1, 6]
            from outputs in Gen.OneOfConst(1, 3)
            from norm in Gen.Double[0.05, 0.85]
            from activation in Gen.Enum<Activation>()
            from solver in Gen.OneOfConst(Solvers)
            from gradientSolver in Gen.OneOfConst(Solvers)
            from weighted in Gen.Bool
            from seed in Gen.Int[0, 1_000_000]
            select new Case(size, inputs, outputs, norm / Phi.Lipschitz(activation), activation, solver, gradientSolver, weighted, seed);

        public bool HasKinks => Activation is Activation.ReLU or Activation.LeakyReLU;

        public TrainingData Rows => Setup.Noise(6, Inputs, Outputs, Seed, Weighted);

        public RandomCell Cell => new RandomCell(Size, Inputs, Outputs, Norm, Seed).Fill();

        public double[] Parameters => Linear.ToDouble(Cell.Network(Activation).Weights());
    }

    [Theory, OnDevices]
    public void The_float64_gradient_is_that_of_the_implicit_function_theorem(string device) => CheckGradient(device, ScalarType.Float64, 1e-11, 1e-7, 80);

    [Theory, OnDevices]
    public void The_float32_gradient_is_that_of_the_implicit_function_theorem(string device) => CheckGradient(device, ScalarType.Float32, 1e-7, 1e-4, 80);

    [Theory, OnDevices]
    public void The_float64_gradient_of_a_network_with_any_part_is_that_of_the_implicit_function_theorem(string device) => CheckParts(device, ScalarType.Float64, 1e-11, 1e-7, 120);

    [Theory, OnDevices]
    public void The_float32_gradient_of_a_network_with_any_part_is_that_of_the_implicit_function_theorem(string device) => CheckParts(device, ScalarType.Float32, 1e-7, 1e-4, 80);

    /// <summary>Differences of the loss, whose equilibria are found anew: nothing of the implicit function theorem is in them.</summary>
    [Fact]
    public void The_reference_gradient_of_every_part_agrees_with_central_differences() => PartsCase.Any(5).Where(c => c.Network.EncoderSizes.Length < 2 && c.IsTame(1e-3)).Sample(c =>
    {
        var p = c.Parameters;
        var differences = p.Select((value, i) =>
        {
            const double Step = 1e-5;
            double At(double v) => c.Reference.Loss([.. p[..i], v, .. p[(i + 1)..]]);
            return (At(value + Step) - At(value - Step)) / (2 * Step);
        }).ToArray();

        Setup.RelativeDistance(c.Reference.Gradient(p), differences).Should().BeLessThan(1e-6);
    }, iter: LongForm.Times(12), threads: 1);

    /// <summary>A network of any parts with rows, a mask, and how it is solved.</summary>
    private sealed record PartsCase(RandomNetwork Network, FixedPointSolver Solver, FixedPointSolver GradientSolver, float Dropout, bool Weighted, ScalarType Type)
    {
        public const int Rows = 4;

        private double[]? _mask;

        public static Gen<PartsCase> Any(int mostSize, ScalarType type = ScalarType.Float64) =>
            from network in RandomNetwork.Of(mostSize)
            from solver in Gen.OneOfConst(Solvers)
            from gradientSolver in Gen.OneOfConst(Solvers)
            from dropout in Gen.OneOfConst(0, 0, 0.3f)
            from weighted in Gen.Bool
                // A normalised cell may have several equilibria, of which plain iteration finds that of the reference.
            select new PartsCase(network with { Norm = network.Norm * (1 - dropout) }, network.Normalized ? new Picard() : solver, gradientSolver, dropout, weighted, type);

        public DeqNetwork Start => Network.Network();

        public TrainingData Data => Setup.Noise(Rows, Network.Inputs, Network.Outputs, Network.Seed, Weighted);

        public double[] Parameters => Linear.ToDouble(Start.Weights());

        public DeqGradient Reference => new(Start.Weights.Shape, Network.Activation, Data, Dropout == 0 ? null : _mask ??= Mask(Dropout, 1, Rows, Network.Size, "cpu", Type));

        /// <summary>Whether no kink is near, and iterations surely find the equilibria.</summary>
        public bool IsTame(double fromKinks) => Reference.Contraction(Parameters) < 0.92
            && (Network.Activation is not (Activation.ReLU or Activation.LeakyReLU) || Reference.NearestKink(Parameters) > fromKinks);
    }

    private static void CheckParts(string device, ScalarType type, double tolerance, double allowed, int cases)
    {
        TorchBackend.EnsureAvailable(device);
        PartsCase.Any(12, type).Where(c => c.IsTame(1e-5)).Sample(c =>
        {
            var architecture = Setup.Deq(c.Network.Size, c.Network.Activation, WellPosedness.None, c.Solver, c.GradientSolver, tolerance, 1000, c.Dropout) with
            {
                Cell = c.Network.Normalized ? DeqCell.LayerNormalized : DeqCell.Dense,
                SkipConnection = c.Network.Skip,
                EncoderSizes = c.Network.EncoderSizes,
            };
            using var engine = new TorchEngine(Setup.Settings(architecture), c.Start, TensorPlace.On(device, type));
            engine.Attach(c.Data);

            var gradient = engine.Gradient([0, 1, 2, 3]);

            Setup.RelativeDistance(gradient, c.Reference.Gradient(c.Parameters)).Should().BeLessThan(allowed);
            var loss = c.Reference.Loss(c.Parameters);
            engine.ReadMetrics().Training.Loss.Should().BeApproximately(loss, allowed * loss);
            engine.ToNetwork().Weights().Should().Equal(c.Start.Weights());
        }, iter: LongForm.Times(cases), threads: 1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.4)]
    public void The_reference_gradient_agrees_with_central_differences(double dropout)
    {
        var sample = new Case(5, 3, 2, 0.8 * (1 - dropout), Activation.Tanh, new Picard(), new Picard(), true, 7);
        var random = new Random(3);
        double[] mask = [.. Enumerable.Range(0, 30).Select(_ => random.NextDouble() < dropout ? 0 : 1 / (1 - dropout))];
        var reference = new DeqGradient(sample.Size, sample.Activation, sample.Rows, mask);
        var p = sample.Parameters;

        var differences = p.Select((value, i) =>
        {
            const double Step = 1e-5;
            double At(double v) => reference.Loss([.. p[..i], v, .. p[(i + 1)..]]);
            return (At(value + Step) - At(value - Step)) / (2 * Step);
        }).ToArray();

        Setup.RelativeDistance(reference.Gradient(p), differences).Should().BeLessThan(1e-8);
    }

    /// <summary>Solved to 1e-11, which a mask that changed within a solve would not allow.</summary>
    [Theory, OnDevices]
    public void The_gradient_under_dropout_is_that_of_the_cell_with_one_mask_a_row(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Case.Any.Select(Gen.OneOfConst(0.2f, 0.5f)).Sample((drawn, dropout) =>
        {
            var c = drawn with { Norm = drawn.Norm * (1 - dropout) };
            var architecture = Setup.Deq(c.Size, c.Activation, WellPosedness.None, c.Solver, c.GradientSolver, 1e-11, dropout: dropout) with { Scoring = new EquilibriumSettings(null, new Tolerance(1e-11)) };
            var settings = Setup.Settings(architecture);
            using var engine = new TorchEngine(settings, c.Cell.Network(c.Activation), TensorPlace.On(device, ScalarType.Float64));
            engine.Attach(c.Rows);
            var reference = new DeqGradient(c.Size, c.Activation, c.Rows, Mask(dropout, settings.Seed, c.Rows.Rows, c.Size, device));
            if (c.HasKinks && reference.NearestKink(c.Parameters) < 1e-5)
            {
                return;
            }

            var gradient = engine.Gradient([0, 1, 2, 3, 4, 5]);

            engine.ReadMetrics().WorstResidual.Should().BeLessThanOrEqualTo(1e-11);
            Setup.RelativeDistance(gradient, reference.Gradient(c.Parameters)).Should().BeLessThan(1e-7);
            // Nothing is left out where nothing is trained.
            var whole = new DeqGradient(c.Size, c.Activation, c.Rows).Loss(c.Parameters);
            engine.Evaluate(c.Rows, () => { }).Loss.Should().BeApproximately(whole, 1e-7 * whole);
        }, iter: LongForm.Times(60), threads: 1);
    }

    [Theory, OnDevices]
    public void Masks_follow_from_the_seed_and_the_epoch(string device)
    {
        TorchBackend.EnsureAvailable(device);
        using var scope = NewDisposeScope();
        string Draws(int seed, int epoch, int epochsBefore)
        {
            using var dropout = new Dropout(0.5, seed, TorchSharp.torch.device(device));
            var like = zeros(1, 40, device: TorchSharp.torch.device(device));
            for (var before = 0; before < epochsBefore; before++)
            {
                dropout.BeginEpoch(before);
                dropout.Mask(like);
            }
            dropout.BeginEpoch(epoch);
            return string.Concat(DeviceReads.Floats(dropout.Mask(like)!).Concat(DeviceReads.Floats(dropout.Mask(like)!)).Select(m => m > 0 ? '1' : '0'));
        }

        Draws(1, 3, 0).Should().Be(Draws(1, 3, 2));
        (from seed in new[] { -1, 0, 1, 2 } from epoch in new[] { 1, 2, 3 } select Draws(seed, epoch, 0)).Should().OnlyHaveUniqueItems();
        Draws(1, 3, 0)[..40].Should().NotBe(Draws(1, 3, 0)[40..]);
    }

    /// <summary>With V = I, c = 0 and targets 0 a row's gradient of c is 2 z and that of b is the adjoint itself, so that both residuals can be recomputed.</summary>
    [Theory, OnDevices]
    public void Residuals_are_those_of_the_state_and_of_the_adjoint_used(string device)
    {
        TorchBackend.EnsureAvailable(device);
        const int Size = 12;
        var cell = new RandomCell(Size, 4, 1, 0.9, 3).Fill();
        var identity = Enumerable.Range(0, Size * Size).Select(i => i % (Size + 1) == 0 ? 1f : 0).ToArray();
        var rows = new TrainingData(4, Size, cell.X, new float[Size], null);
        foreach (var solver in Solvers)
        {
            foreach (var (tolerance, cap) in new[] { (1e-2, 200), (1e-5, 200), (1e-9, 7) })
            {
                var architecture = Setup.Deq(Size, Activation.Tanh, WellPosedness.None, solver, tolerance: tolerance, maxIterations: cap);
                var network = new DeqNetwork(cell.W, cell.U, cell.B, identity, new float[Size], Activation.Tanh);
                using var engine = new TorchEngine(Setup.Settings(architecture), network, TensorPlace.On(device, ScalarType.Float64));
                engine.Attach(rows);
                var gradient = engine.Gradient([0]);
                var metrics = engine.ReadMetrics();

                var z = gradient[^Size..].Select(g => g / 2).ToArray();
                var w = Linear.ToDouble(cell.W);
                var f = FixedPoint.Cell(w, cell.Injection, z, Activation.Tanh);
                metrics.WorstResidual.Should().BeApproximately(Linear.Distance(f, z) / (Linear.Norm(f) + 1e-9 / tolerance), 1e-9);
                var slope = f.Select(v => 1 - v * v).ToArray();
                var mu = gradient[(Size * (Size + 4))..(Size * (Size + 5))];
                var next = mu.Select((_, i) => slope[i] * (2 * z[i] + mu.Select((m, j) => m * w[j * Size + i]).Sum())).ToArray();
                metrics.WorstGradientResidual.Should().BeApproximately(Setup.RelativeDistance(mu, next), 1e-9);
                metrics.Training.Loss.Should().BeApproximately(z.Sum(v => v * v), 1e-12);
                if (cap == 7)
                {
                    metrics.WorstIterations.Should().Be(7);
                    metrics.WorstResidual.Should().BeGreaterThan(tolerance);
                }
                else
                {
                    metrics.WorstResidual.Should().BeLessThanOrEqualTo(tolerance);
                    metrics.WorstGradientResidual.Should().BeLessThanOrEqualTo(tolerance);
                }
            }
        }
    }

    [Theory, OnDevices]
    public void Options_of_the_solvers_change_the_iterations(string device)
    {
        TorchBackend.EnsureAvailable(device);
        // Linear, with rates of convergence from 0 to 0.95: many differences help, and none of the options is without effect.
        const int Size = 20;
        var w = Enumerable.Range(0, Size * Size).Select(i => i % (Size + 1) == 0 ? 0.95f * (i / Size) / (Size - 1) : 0).ToArray();
        var ones = Enumerable.Repeat(1f, Size).ToArray();
        var network = new DeqNetwork(w, new float[4 * Size], ones, ones, [0], Activation.ReLU);
        double Iterations(FixedPointSolver solver, double tolerance = 1e-5, int cap = 2000)
        {
            var architecture = Setup.Deq(Size, Activation.ReLU, WellPosedness.None, solver, tolerance: tolerance, maxIterations: cap);
            using var engine = new TorchEngine(Setup.Settings(architecture), network, device);
            engine.Attach(Setup.Noise(20, 4, 1, 9));
            engine.Gradient([1, 2, 3]);
            return engine.ReadMetrics().MeanIterations;
        }

        Iterations(new Picard(0.5f)).Should().BeGreaterThan(Iterations(new Picard()) * 1.5);
        Iterations(new Picard(), 1e-3).Should().BeLessThan(Iterations(new Picard()));
        Iterations(new Picard(), cap: 4).Should().Be(4);
        Iterations(new Picard(), cap: 1).Should().Be(1);
        Iterations(new Anderson(5)).Should().BeLessThan(Iterations(new Anderson(1)));
        Iterations(new Anderson(5)).Should().BeLessThan(Iterations(new Anderson(5, 0.3f)));
    }

    /// <summary>Rows that are done go on being mixed until the slowest is: their rounding noise must not throw them back.</summary>
    [Theory, OnDevices]
    public void Anderson_meets_the_tolerance_for_every_row_of_a_batch_in_float32_and_not_much_later_than_plain_iteration(string device)
    {
        TorchBackend.EnsureAvailable(device);
        (from size in Gen.Int[1, 48]
         from norm in Gen.Double[0.3, 0.9]
         from activation in Gen.OneOfConst(Activation.ReLU, Activation.Tanh)
         from tolerance in Gen.OneOfConst(1e-3, 1e-4, 1e-5)
         from memory in Gen.Int[1, 8]
         from seed in Gen.Int[0, 1_000_000]
         select (size, norm, activation, tolerance, memory, seed)).Sample(c =>
        {
            var network = new RandomCell(c.size, 5, 1, c.norm, c.seed).Fill().Network(c.activation);
            EngineMetrics Solve(FixedPointSolver solver)
            {
                var architecture = Setup.Deq(c.size, c.activation, WellPosedness.None, solver, tolerance: c.tolerance);
                using var engine = new TorchEngine(Setup.Settings(architecture), network, device);
                engine.Attach(Setup.Noise(64, 5, 1, c.seed));
                engine.Gradient([.. Enumerable.Range(0, 64)]);
                return engine.ReadMetrics();
            }

            var (anderson, plain) = (Solve(new Anderson(c.memory)), Solve(new Picard()));

            anderson.WorstResidual.Should().BeLessThanOrEqualTo(c.tolerance);
            anderson.WorstGradientResidual.Should().BeLessThanOrEqualTo(c.tolerance);
            anderson.WorstIterations.Should().BeLessThanOrEqualTo(2 * plain.WorstIterations + 3);
        }, iter: LongForm.Times(100), threads: 1);
    }

    /// <summary>The mask that an engine draws for its first batch.</summary>
    private static double[] Mask(float probability, int seed, int rows, int size, string device, ScalarType type = ScalarType.Float64)
    {
        using var scope = NewDisposeScope();
        using var dropout = new Dropout(probability, seed, TorchSharp.torch.device(device));
        return dropout.Mask(zeros(rows, size, type, TorchSharp.torch.device(device)))!.to(ScalarType.Float64).cpu().data<double>().ToArray();
    }

    private static void CheckGradient(string device, ScalarType type, double tolerance, double allowed, int cases)
    {
        TorchBackend.EnsureAvailable(device);
        Case.Any.Where(c => !c.HasKinks || new DeqGradient(c.Size, c.Activation, c.Rows).NearestKink(c.Parameters) > 1e-5).Sample(c =>
        {
            var architecture = Setup.Deq(c.Size, c.Activation, WellPosedness.None, c.Solver, c.GradientSolver, tolerance);
            using var engine = new TorchEngine(Setup.Settings(architecture), c.Cell.Network(c.Activation), TensorPlace.On(device, type));
            engine.Attach(c.Rows);
            var reference = new DeqGradient(c.Size, c.Activation, c.Rows);

            var gradient = engine.Gradient([0, 1, 2, 3, 4, 5]);

            var loss = reference.Loss(c.Parameters);
            Setup.RelativeDistance(gradient, reference.Gradient(c.Parameters)).Should().BeLessThan(allowed);
            engine.ReadMetrics().Training.Loss.Should().BeApproximately(loss, allowed * loss);
        }, iter: LongForm.Times(cases), threads: 1);
    }
}

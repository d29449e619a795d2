using Deq.MLNet.Numerics;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>
/// What each precision of products costs in accuracy and iterations, in the state and in the adjoint at the exact states, against float64; the table of docs/training.md.
/// TensorFloat32 is emulated on the CPU: both operands of every product are rounded to 11 bits.
/// </summary>
public sealed class MatmulAccuracyTests(ITestOutputHelper output)
{
    private const int Rows = 32;

    private static readonly Tolerance Tolerance = new(1e-4);

    /// <summary>Size, whether W is near rank one, ||W||_2; the largest sizes in the long form alone.</summary>
    public static TheoryData<int, bool, double> Cells
    {
        get
        {
            var cells = new TheoryData<int, bool, double>();
            foreach (var size in LongForm.Times(1) == 1 ? new[] { 64 } : [64, 512])
            {
                foreach (var hard in new[] { false, true })
                {
                    foreach (var norm in new[] { 0.5, 0.9, 0.99 })
                    {
                        cells.Add(size, hard, norm);
                    }
                }
            }
            return cells;
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Every_precision_meets_the_tolerance(int size, bool hard, double norm)
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var random = new Random(1);
        float[] w = RandomCell.Values(random, size * size, 1 / Math.Sqrt(size));
        w = hard ? [.. w.Select(v => v / 4 + 3f / size)] : w;
        var scale = norm / SpectralNorm.Of<float>(w, size);
        var matrix = tensor([.. w.Select(v => (float)(v * scale))], [size, size]);
        var (injection, gradient) = (tensor(RandomCell.Values(random, Rows * size, 1), [Rows, size]), tensor(RandomCell.Values(random, Rows * size, 1), [Rows, size]));

        var exact = Solve(matrix, injection, gradient, null, ScalarType.Float64, new Tolerance(1e-13), MatmulPrecision.Float32);
        var all = new[] { MatmulPrecision.Float32, MatmulPrecision.TensorFloat32, MatmulPrecision.BFloat16 }
            .Select(p => (Precision: p, Solved: Solve(matrix, injection, gradient, exact.Z, ScalarType.Float32, Tolerance, p))).ToArray();
        foreach (var (precision, solved) in all)
        {
            var (state, adjoint) = (Distance(solved.Z, exact.Z), Distance(solved.M, exact.M));
            output.WriteLine(FormattableString.Invariant($"| {size} | {(hard ? "near rank one" : "random")} | {norm} | {precision} | {state:E1} | {adjoint:E1} | {solved.Forward.Iterations} ({solved.CoarseForward}) | {solved.Backward.Iterations} ({solved.CoarseBackward}) |"));
            (solved.Forward.Unsolved, solved.Backward.Unsolved).Should().Be((0, 0), $"{precision}");
            // A residual is amplified by 1 / (1 - rho) at the most; what rounding of operands makes of one is of the size of 2^-11.
            var allowed = (Tolerance.Relative + (precision == MatmulPrecision.Float32 ? 1e-6 : 5e-4)) / (1 - norm);
            state.Should().BeLessThan(allowed, $"{precision}");
            adjoint.Should().BeLessThan(allowed, $"{precision}");
            solved.Forward.Iterations.Should().BeLessThanOrEqualTo(all[0].Solved.Forward.Iterations * 2 + 12, $"{precision}");
        }
    }

    private sealed record Solved(Tensor Z, Tensor M, BatchSolution Forward, BatchSolution Backward, int CoarseForward, int CoarseBackward);

    private static Solved Solve(Tensor w, Tensor injection, Tensor gradient, Tensor? states, ScalarType type, Tolerance tolerance, MatmulPrecision precision)
    {
        var rounds = precision != MatmulPrecision.Float32;
        (w, injection, gradient) = (w.to(type), injection.to(type), gradient.to(type));
        var place = new TensorPlace(CPU, type) { JudgesRows = true };
        TensorMap Rounded(TensorMap map) => rounds ? new RoundedMap(map) : map;
        (Tensor, Tensor, BatchSolution, int) Solve(TensorMap map)
        {
            using var solver = TensorSolver.Create(new Auto(), place, precision);
            solver.TellsRows = true;
            var (z, f) = (zeros_like(injection), zeros_like(injection));
            var solution = solver.Solve(Rounded(map), z, f, tolerance, 20_000);
            return (z, f, solution, solution.Iterations - solver.Rows.Max(r => r.Iterations));
        }
        var cell = new CellMap(w, injection, Activation.ReLU, null);
        var (z, f, forward, coarseForward) = Solve(cell);
        // Where an error of the states brings one over the kink of ReLU, the adjoint is another altogether.
        var (at, value) = states is null ? (z, f) : (states.to(type), states.to(type));
        var (m, _, backward, coarseBackward) = Solve(cell.Adjoint(at, value, gradient));
        return new Solved(z, m, forward, backward, coarseForward, coarseBackward);
    }

    private static double Distance(Tensor x, Tensor y) => (x.to(ScalarType.Float64) - y).norm().item<double>() / y.norm().item<double>();

    /// <summary>A map whose product has operands of 11 bits.</summary>
    private sealed class RoundedMap(TensorMap map) : TensorMap
    {
        private readonly Tensor _rounded = Round(map.Matrix);

        public override Tensor Matrix => map.Matrix;

        public override Tensor Injection => map.Injection;

        public override bool GoesBackwards => map.GoesBackwards;

        public override void Apply(Tensor z, Tensor f)
        {
            f.copy_(Injection).addmm_(Round(z), _rounded, 1, 1);
            Activate(f);
        }

        public override void Activate(Tensor a) => map.Activate(a);

        public override Tensor Slope(Tensor a) => map.Slope(a);

        public override void Proximal(Tensor a, double step) => map.Proximal(a, step);

        public override TensorMap State(long index) => map.State(index);

        protected override void PassErrors(Tensor sums, Tensor errors, double epsilon) => errors.AddInPlace(sums.abs(), epsilon);

        /// <summary>The nearest number of 11 bits, by the splitting of Veltkamp (Dekker 1971).</summary>
        private static Tensor Round(Tensor x)
        {
            var large = x * ((1 << 13) + 1);
            return large - (large - x);
        }
    }
}

using Deq.MLNet.Tests.Training.Torch.Solvers;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>What each precision of products changes.</summary>
[Collection(WholeProcess.Name)]
public sealed class MatmulPrecisionTests
{
    private const int Size = 64;

    private static readonly RandomCell Cell = new RandomCell(Size, 3, 1, 0.9, 3).Fill();

    [Fact]
    public void TensorFloat32_is_allowed_while_an_engine_lives_that_asks_for_it()
    {
        TorchBackend.EnsureAvailable();
        bool Flag() => backends.cuda.matmul.allow_tf32;
        foreach (var found in new[] { false, true })
        {
            backends.cuda.matmul.allow_tf32 = found;
            try
            {
                foreach (var (precision, allowed) in new[] { (MatmulPrecision.Float32, false), (MatmulPrecision.TensorFloat32, true), (MatmulPrecision.BFloat16, true) })
                {
                    using (Engine(precision))
                    {
                        Flag().Should().Be(allowed, $"{precision}");
                        TorchMatmul.Exactly(() => (Flag(), TorchMatmul.Exactly(Flag), Flag())).Should().Be((false, false, false), "projections need it, one within another too");
                        Flag().Should().Be(allowed, "that is over");
                        // By it a row is said to be at the limit of precision.
                        TorchMatmul.Epsilon(new Device(TorchSharp.DeviceType.CUDA, 0), ScalarType.Float32).Should().Be(Math.Pow(2, allowed ? -10 : -23));
                        TorchMatmul.Epsilon(CPU, ScalarType.Float32).Should().Be(Math.Pow(2, -23));
                        TorchMatmul.Epsilon(new Device(TorchSharp.DeviceType.CUDA, 0), ScalarType.Float64).Should().Be(Math.Pow(2, -52));
                    }
                    Flag().Should().Be(found);
                }
                var first = Engine(MatmulPrecision.TensorFloat32);
                var second = Engine(MatmulPrecision.Float32);
                Flag().Should().BeFalse("the last one made decides");
                first.Dispose();
                Flag().Should().BeFalse("one is alive");
                second.Dispose();
                Flag().Should().Be(found);
            }
            finally
            {
                backends.cuda.matmul.allow_tf32 = false;
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_coarse_start_takes_part_of_the_iterations_and_leaves_the_tolerance_met(bool judgesRows)
    {
        foreach (var options in new FixedPointSolver[] { new Picard(), new Anderson(), new Auto() })
        {
            var batch = Batch(judgesRows);
            var (plain, coarse) = (Solve(batch, options, MatmulPrecision.Float32), Solve(batch, options, MatmulPrecision.BFloat16));
            coarse.Solution.Unsolved.Should().Be(0);
            coarse.Solution.Iterations.Should().BeGreaterThan(coarse.Rows.Max(r => r.Iterations), "its own count too");
            coarse.Rows.Max(r => r.Iterations).Should().BeLessThan(plain.Rows.Max(r => r.Iterations), $"{options} starts nearer");
            foreach (var row in Enumerable.Range(0, batch.Injections.Length))
            {
                batch.Residual(row, coarse.Z[row]).Should().BeLessThanOrEqualTo(1.1 * batch.Tolerance.Relative);
                coarse.Z[row].Should().NotEqual(plain.Z[row]);
            }
            Solve(batch, options, MatmulPrecision.TensorFloat32).Z.SelectMany(z => z).Should().Equal(plain.Z.SelectMany(z => z), "a CPU rounds no operands");
        }
    }

    [Fact]
    public void Other_methods_have_no_coarse_start()
    {
        foreach (var options in new FixedPointSolver[] { new Broyden(), new Newton(), new ForwardBackward(0.5f), new PeacemanRachford() })
        {
            Solve(Batch(true), options, MatmulPrecision.BFloat16).Z.SelectMany(z => z).Should().Equal(Solve(Batch(true), options, MatmulPrecision.Float32).Z.SelectMany(z => z));
        }
    }

    /// <summary>Rows are told apart: one that is near stays, one that is not finite stays as it was given, one that is far comes nearer.</summary>
    [Fact]
    public void A_coarse_start_makes_no_row_worse()
    {
        var batch = Batch(true) with { Tolerance = new Tolerance(1e-7) };
        var solved = Solve(batch, new Picard(), MatmulPrecision.Float32).Z;
        double[] near = [.. solved[0].Select(v => (double)(float)(v * 1.002))];
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        Tensor Rows(params double[][] rows) => tensor(rows.SelectMany(v => v).ToArray(), [rows.Length, Size]).to(ScalarType.Float32);
        var z = Rows(near, new double[Size], [.. Enumerable.Repeat(double.NaN, Size)]);
        var start = z.clone();
        var injection = Rows(batch.Injections[0], batch.Injections[1], batch.Injections[2]);
        var map = new CellMap(tensor(batch.W, [Size, Size]).to(ScalarType.Float32), injection, Activation.ReLU, null);

        var taken = new CoarseStart(batch.Place).Improve(map, z, batch.Tolerance, 100);

        taken.Should().BeInRange(2, 25);
        DeviceReads.Doubles(z[0]).Should().Equal(near);
        DeviceReads.Doubles(z[2]).Should().OnlyContain(v => double.IsNaN(v));
        DeviceReads.Doubles(z[1]).Should().NotEqual(DeviceReads.Doubles(start[1]));
        Linear.Distance(DeviceReads.Doubles(z[1]), solved[1]).Should().BeLessThan(0.2 * Linear.Norm(solved[1]));

        // A map that does not contract: what went away comes back.
        var stretched = new CellMap(tensor(batch.W, [Size, Size]).to(ScalarType.Float32).mul(4), injection.narrow(0, 0, 2), Activation.Identity, null);
        var from = Rows(near, solved[1]);
        var before = from.clone();
        new CoarseStart(batch.Place).Improve(stretched, from, batch.Tolerance, 100);
        var moved = (from - before).norm(1);
        var residuals = RowResiduals.Of(from, Value(stretched, from), batch.Tolerance).Scaled.le(RowResiduals.Of(before, Value(stretched, before), batch.Tolerance).Scaled.mul(1.01));
        DeviceReads.Doubles(residuals).Should().OnlyContain(v => v == 1, $"moved by {string.Join(' ', DeviceReads.Doubles(moved))}");
    }

    private static Tensor Value(TensorMap map, Tensor z)
    {
        var f = empty_like(z);
        map.Apply(z, f);
        return f;
    }

    private static BatchSolve Batch(bool judgesRows) => new(Linear.ToDouble(Cell.W), [.. Enumerable.Range(1, 3).Select(i => Cell.Injection.Select((u, k) => k % i == 0 ? u : -u).ToArray())], Activation.ReLU)
    {
        JudgesRows = judgesRows,
        Type = ScalarType.Float32,
        Tolerance = new Tolerance(1e-5),
    };

    private static BatchSolve.Result Solve(BatchSolve batch, FixedPointSolver options, MatmulPrecision precision)
    {
        TorchBackend.EnsureAvailable();
        using var solver = TensorSolver.Create(options, batch.Place, precision);
        return batch.By(solver);
    }

    private static TorchEngine Engine(MatmulPrecision precision)
    {
        var architecture = Setup.Deq(8);
        return new TorchEngine(Setup.Settings(architecture) with { MatmulPrecision = precision }, architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1)), "cpu");
    }
}

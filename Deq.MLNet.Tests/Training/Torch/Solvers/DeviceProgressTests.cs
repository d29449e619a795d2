using CsCheck;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>Judgement by operations of a device, against that of the host.</summary>
public sealed class DeviceProgressTests
{
    private static readonly Tolerance Tolerance = new(1e-3);

    /// <summary>The norms of one row at its tests: falling, growing, at rest with rounding's ups and downs, and now and then zero, infinite or NaN.</summary>
    private static readonly Gen<double[][]> Norms =
        from rate in Gen.OneOfConst(0.3, 0.8, 0.97, 1, 1.2)
        from rest in Gen.OneOfConst(0, 1e-2, 1e-1)
        from jitter in Gen.Double[0, 0.9].Array[40]
        from odd in Gen.Int[0, 400].Array[40]
        select Enumerable.Range(0, 40).Select(t => odd[t] switch
        {
            0 => [double.NaN, 1],
            1 => [1, double.PositiveInfinity],
            2 => [0.0, 0],
            _ => new[] { (Math.Pow(rate, 3 * t) + rest) * (1 - jitter[t]), 1 + jitter[^(t + 1)] },
        }).ToArray();

    /// <summary>Given the same norms, every comparison comes out the same.</summary>
    [Fact]
    public void Rules_on_a_device_judge_every_row_as_those_of_the_host() => Gen.Select(Norms.Array[1, 12], Gen.Int[1, 40], Gen.Double[1e-3, 0.3]).Sample((rows, tests, error) =>
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var none = zeros(rows.Length, 1, ScalarType.Float64);
        var errors = rows.Select((_, row) => error * row).ToArray();
        var host = new HostProgress(new StoppingRule[rows.Length], none, none, Tolerance, 3 * tests, () => errors);
        var device = new DeviceRules(none, Tolerance);
        for (var test = 0; test < tests; test++)
        {
            double[] Of(int which) => [.. rows.Select(row => row[test][which])];
            host.Judge(3 * (test + 1), Of(0), Of(1), last: test == tests - 1);
            device.Judge(3 * (test + 1), tensor(Of(0)), tensor(Of(1)));
            if (device.ReadFigures().Impatient > 0)
            {
                device.WeighImpatient(3 * (test + 1), tensor(errors));
            }
            if (test < tests - 1)
            {
                device.ReadDistances().Should().Equal(host.ReadDistances());
                device.ReadFigures().WorstActive.Should().Be(host.WorstActive);
            }
        }
        device.ReadRows().Should().Equal(host.ReadRows());
        var figures = device.ReadFigures();
        new BatchSolution(figures.Iterations, figures.WorstLeast, figures.SumOfIterations / rows.Length, figures.Unsolved + figures.Active).Should().Be(BatchSolution.Of(host.ReadRows()));
    }, iter: LongForm.Times(100), threads: 1);

    /// <summary>A row that is not finite makes each be judged by itself from the first test on: then states and values are the host's too, bit for bit.</summary>
    [Fact]
    public void Each_row_by_itself_ends_as_on_the_host() => Gen.Select(CellProblem.Contraction, Gen.OneOfConst<FixedPointSolver>(new Picard(), new Picard(0.7f), new Anderson(), new Broyden(), new Auto()),
        Gen.OneOfConst(1e-2, 1e-5, 1e-15), Gen.OneOfConst(1, 7, 400), Gen.Double[0.5, 1.4]).Sample((problem, solver, tolerance, cap, stretch) =>
    {
        double[][] injections = [problem.U64, [.. problem.U64.Select(v => -v)], new double[problem.U64.Length], [.. problem.U64.Select(_ => double.NaN)], [.. problem.U64.Select(v => 1e3 * v)]];
        var batch = new BatchSolve([.. problem.W64.Select(w => w * stretch)], injections, problem.Activation) { Tolerance = new Tolerance(tolerance), MaxIterations = cap };
        var (host, device) = (batch.By(solver), (batch with { JudgesRows = true }).By(solver));

        device.Rows.Select(r => (r.Status, r.Iterations)).Should().Equal(host.Rows.Select(r => (r.Status, r.Iterations)));
        Bits(device.Z).Should().Equal(Bits(host.Z));
        Bits(device.F).Should().Equal(Bits(host.F));
        (device.Solution with { WorstResidual = 0 }).Should().Be(host.Solution with { WorstResidual = 0 });
    }, iter: LongForm.Times(40), threads: 1);

    /// <summary>Any NaN is as good as another.</summary>
    private static IEnumerable<long> Bits(double[][] rows) => rows.SelectMany(row => row.Select(v => double.IsNaN(v) ? -1 : BitConverter.DoubleToInt64Bits(v)));

    /// <summary>Where all goes well rows are iterated on together: none ends with a larger residual than asked for, and no solve takes longer.</summary>
    [Fact]
    public void Rows_solved_together_meet_the_tolerance_when_the_slowest_does() => Gen.Select(CellProblem.Contraction, Gen.OneOfConst<FixedPointSolver>(new Picard(), new Anderson(), new Auto())).Sample((problem, solver) =>
    {
        double[][] injections = [problem.U64, [.. problem.U64.Select(v => -v)], new double[problem.U64.Length]];
        var batch = new BatchSolve(problem.W64, injections, problem.Activation) { Tolerance = Tolerance, MaxIterations = 2_000 };
        var (host, device) = (batch.By(solver), (batch with { JudgesRows = true }).By(solver));

        device.Rows.Should().OnlyContain(r => r.Status == SolveStatus.Converged);
        (device.Solution.Iterations, device.Solution.Unsolved).Should().Be((host.Solution.Iterations, 0));
        foreach (var row in new[] { 0, 1, 2 })
        {
            batch.Residual(row, device.Z[row]).Should().BeLessThanOrEqualTo(Tolerance.Relative * (1 + 1e-9));
            device.F[row].LargestDifference(batch.Map(row, device.Z[row])).Should().BeLessThan(1e-10);
        }
    }, iter: LongForm.Times(40), threads: 1);

    /// <summary>Where the norm alone leaves float32 the residual is 0.</summary>
    [Fact]
    public void A_norm_that_overflows_is_no_solution()
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        var (distance, norm) = (tensor(new[] { 0.5, 1 }), tensor(new[] { 1, double.PositiveInfinity }));
        double Worst(int rows) => new RowResiduals(distance.narrow(0, 0, rows), norm.narrow(0, 0, rows), RowResiduals.Scale(distance, norm, Tolerance).narrow(0, 0, rows)).ReadWorst();
        Worst(1).Should().BeApproximately(0.5, 1e-5);
        Worst(2).Should().Be(double.NaN);
    }

    /// <summary>0 / 0 where the floor of the residual vanishes in float32.</summary>
    [Fact]
    public void A_state_of_zeros_is_solved_whatever_the_tolerance()
    {
        var batch = new BatchSolve([0.5], [[0.0]], Activation.ReLU) { Type = ScalarType.Float32, JudgesRows = true, Tolerance = new Tolerance(1e-5, 1e-60) };
        batch.By(new Picard()).Rows[0].Should().Be(new RowSolution(SolveStatus.Converged, 3, 0));
    }
}

using CsCheck;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Projections;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Projections;

public sealed class SpectralProjectionTests
{
    private const double Limit = 0.9f;

    public static TheoryData<string, int> DevicesAndSizes()
    {
        var all = new TheoryData<string, int>();
        foreach (var device in TrainingDevices.Names)
        {
            foreach (var size in new[] { 1, 2, 7, 24, 64 })
            {
                all.Add(device, size);
            }
        }
        return all;
    }

    [Theory, AmongDevices]
    [MemberData(nameof(DevicesAndSizes))]
    public void Every_step_leaves_W_within_its_rule_where_it_would_leave_it_without(string device, int size)
    {
        TorchBackend.EnsureAvailable(device);
        double Largest(WellPosedness rule)
        {
            var architecture = Setup.Deq(size, Activation.Tanh, rule, maxIterations: 12);
            var settings = Setup.Settings(architecture);
            var start = architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(size));
            using var engine = new TorchEngine(settings, start, device);
            engine.Attach(Setup.Noise(64, 3, 1, 4));
            var largest = 0.0;
            for (var step = 0; step < 25; step++)
            {
                engine.Step([.. Enumerable.Range(step, 32)], 0.15);
                var norm = Linear.SingularValues(Linear.ToDouble(((DeqNetwork)engine.ToNetwork()).W.Span), size)[0];
                var reported = engine.ReadMetrics().ContractionBound;
                if (rule.Bound is { } bound)
                {
                    norm.Should().BeLessThanOrEqualTo(bound);
                    reported.Should().BeGreaterThanOrEqualTo(norm);
                }
                else
                {
                    reported.Should().Be(double.NaN);
                }
                largest = Math.Max(largest, norm);
            }
            return largest;
        }

        Largest(WellPosedness.None).Should().BeGreaterThan(1.2 * Limit);
        Largest(WellPosedness.Spectral((float)Limit)).Should().BeInRange(0.97 * Limit, Limit);
    }

    [Theory, OnDevices]
    public void Under_dropout_the_stretched_cell_is_within_the_rule_from_the_start_and_after_every_step(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var architecture = Setup.Deq(16, Activation.Tanh, WellPosedness.Spectral((float)Limit), maxIterations: 12, dropout: 0.4f);
        var stretched = 1 / (1 - (double)0.4f);
        double Stretched(Network network) => stretched * Linear.SingularValues(Linear.ToDouble(((DeqNetwork)network).W.Span), 16)[0];
        // Within the rule, but not where two fifths of the states are left out.
        var start = new RandomCell(16, 3, 1, 0.8, 5).Fill().Network(Activation.Tanh);
        using var engine = new TorchEngine(Setup.Settings(architecture), start, device);
        engine.Attach(Setup.Noise(64, 3, 1, 4));
        var norms = new List<double> { Stretched(engine.ToNetwork()) };
        for (var step = 0; step < 25; step++)
        {
            engine.Step([.. Enumerable.Range(step, 32)], 0.15);
            norms.Add(Stretched(engine.ToNetwork()));
        }

        norms.Should().OnlyContain(norm => norm <= Limit);
        norms[0].Should().BeGreaterThan(0.97 * Limit);
        norms.Skip(1).Max().Should().BeGreaterThan(0.97 * Limit);
        Stretched(architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1))).Should().BeInRange(0.35 * Limit, 0.65 * Limit);
    }

    /// <summary>What a <see cref="Matrix"/> is made from.</summary>
    private static Gen<(int Size, int Kind, double Norm, int Seed)> Cases(Gen<double> norms) =>
        Gen.Select(Gen.Int[1, 64], Gen.Int[0, 3], norms, Gen.Int[0, 1_000_000]);

    /// <summary>Any mix of singular values: one, all the same (the loosest case of the bound), nearly equal, decaying.</summary>
    [Theory, OnDevices]
    public void A_projected_W_is_within_the_limit_and_not_far_below_it(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Cases(Gen.OneOf(Gen.Double[0.9, 1.1], Gen.Double[1, 1e6])).Sample(c =>
        {
            var w = Matrix(c.Size, c.Kind, Math.Max(c.Norm, Limit), c.Seed);
            var (projected, bound) = Project(device, w, c.Size);
            var after = Linear.SingularValues(Linear.ToDouble(projected), c.Size)[0];

            after.Should().BeInRange(0.97 * Limit, Limit);
            bound.Should().BeGreaterThanOrEqualTo(after);
        }, iter: LongForm.Times(60), threads: 1);
    }

    [Theory, OnDevices]
    public void A_W_inside_the_limit_stays_bit_for_bit(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Cases(Gen.OneOf(Gen.Double[0.01, 0.88], Gen.Const(1e-18))).Sample(c =>
        {
            var w = Matrix(c.Size, c.Kind, c.Norm, c.Seed);
            var (projected, bound) = Project(device, w, c.Size);

            projected.Should().Equal(w);
            bound.Should().BeGreaterThanOrEqualTo(Linear.SingularValues(Linear.ToDouble(w), c.Size)[0]);
        }, iter: LongForm.Times(40), threads: 1);
    }

    [Fact]
    public void A_W_that_was_projected_is_not_changed_by_projecting_it_again()
    {
        TorchBackend.EnsureAvailable();
        var (once, _) = Project("cpu", Matrix(20, 2, 3, 1), 20);
        var w = once;
        for (var i = 0; i < 100; i++)
        {
            (w, _) = Project("cpu", w, 20);
        }
        w.LargestDifference(once).Should().BeLessThan(2e-6);
    }

    [Fact]
    public void A_W_of_zeros_stays_zero()
    {
        TorchBackend.EnsureAvailable();
        var (projected, bound) = Project("cpu", new float[9], 3);
        projected.Should().Equal(new float[9]);
        bound.Should().Be(0);
    }

    private static (float[] W, double Bound) Project(string device, float[] values, int size)
    {
        using var scope = NewDisposeScope();
        using var projection = new SpectralProjection(Limit);
        var w = tensor(values).view(size, size).to(TorchSharp.torch.device(device), copy: true);
        projection.Apply(w);
        projection.Enforce(w);
        return (DeviceReads.Floats(w), projection.ReadBound());
    }

    /// <summary>A matrix with singular values of a kind, the largest of them the norm: Q1 S Q2 with Q1 and Q2 products of random rotations.</summary>
    private static float[] Matrix(int size, int kind, double norm, int seed)
    {
        var random = new Random(seed);
        var m = new double[size * size];
        for (var i = 0; i < size; i++)
        {
            m[i * size + i] = norm * kind switch { 0 => i == 0 ? 1 : 0, 1 => 1, 2 => 1 - 0.1 * random.NextDouble() * Math.Min(i, 1), _ => Math.Pow(0.7, i) };
        }
        for (var turn = 0; turn < 3 * size && size > 1; turn++)
        {
            var (i, j) = (random.Next(size), random.Next(size - 1));
            j += j >= i ? 1 : 0;
            var (sin, cos) = Math.SinCos(2 * Math.PI * random.NextDouble());
            for (var k = 0; k < size; k++)
            {
                (m[i * size + k], m[j * size + k]) = (cos * m[i * size + k] - sin * m[j * size + k], sin * m[i * size + k] + cos * m[j * size + k]);
            }
            for (var k = 0; k < size; k++)
            {
                (m[k * size + j], m[k * size + i]) = (cos * m[k * size + j] - sin * m[k * size + i], sin * m[k * size + j] + cos * m[k * size + i]);
            }
        }
        return Linear.ToFloat(m);
    }
}

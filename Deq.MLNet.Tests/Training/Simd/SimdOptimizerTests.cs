using Deq.MLNet.Numerics;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Simd;

public sealed class SimdOptimizerTests
{
    private const double Rate = 0.03;

    public static TheoryData<Optimizer, double> Cases()
    {
        var all = new TheoryData<Optimizer, double>();
        foreach (var rule in new Optimizer[] { new Adam(0.8f, 0.95f, 1e-6f), new AdamW(0.8f, 0.95f, 1e-6f), new Sgd(), new Sgd(0.9f) })
        {
            all.Add(rule, 0);
            all.Add(rule, 0.1);
        }
        return all;
    }

    /// <summary>Sizes that are no whole vectors, and of more than one part.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Twenty_steps_are_those_of_the_engine_of_libtorch(Optimizer rule, double decay)
    {
        TorchBackend.EnsureAvailable("cpu");
        foreach (var size in new[] { 1, 53, 17_001 })
        {
            using var scope = NewDisposeScope();
            using var parameters = new ParameterBuffer(CPU, ScalarType.Float32, [("weights", [size])]);
            using var native = TensorOptimizer.Create(rule, parameters, decay);
            var values = RandomCell.Values(new Random(3), size, 1);
            parameters.Load("weights", values);
            var forms = Enum.GetValues<VectorForm>().Select(form => Managed(rule, values, decay, form)).ToArray();
            for (var step = 1; step <= 20; step++)
            {
                var gradients = RandomCell.Values(new Random(step), size, Math.Pow(10, step % 4 - 2));
                using var host = tensor(gradients);
                parameters.Gradients.copy_(host);
                parameters.Gradients.MultiplyInPlace(0.5);
                native.Step(Rate * step);
                foreach (var (weights, optimizer) in forms)
                {
                    Step(weights, optimizer, gradients, step);
                }
            }

            var expected = Linear.ToDouble(DeviceReads.Floats(parameters.Values));
            foreach (var (weights, optimizer) in forms)
            {
                Setup.RelativeDistance(Linear.ToDouble(weights.Values.ToArray()), expected).Should().BeLessThan(2e-6);
                var (mine, others) = (optimizer.Read(), native.Read());
                mine.Steps.Should().Be(others.Steps);
                mine.Moments.Should().HaveSameCount(others.Moments);
                foreach (var (moment, other) in mine.Moments.Zip(others.Moments))
                {
                    Setup.RelativeDistance(Linear.ToDouble(moment), Linear.ToDouble(other)).Should().BeLessThan(2e-6);
                }
                // What follows the values stays zero.
                new ReadOnlySpan<float>(Pad(weights)).ContainsAnyExcept(0f).Should().BeFalse();
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_optimizer_goes_on_from_what_another_remembered(Optimizer rule, double decay)
    {
        var values = RandomCell.Values(new Random(3), 53, 1);
        var (weights, optimizer) = Managed(rule, values, decay, Tile.Best);
        void Steps(SimdParameters parameters, SimdOptimizer of, int from, int to)
        {
            for (var step = from; step <= to; step++)
            {
                Step(parameters, of, RandomCell.Values(new Random(step), 53, 1), step);
            }
        }
        Steps(weights, optimizer, 1, 3);
        var (later, heir) = Managed(rule, weights.Values.ToArray(), decay, Tile.Best);
        heir.Load(optimizer.Read());

        Steps(weights, optimizer, 4, 6);
        Steps(later, heir, 4, 6);

        later.Values.ToArray().Should().Equal(weights.Values.ToArray());
        heir.Read().Should().BeEquivalentTo(optimizer.Read());
    }

    [Fact]
    public void Moments_of_another_number_or_length_are_refused_and_change_nothing()
    {
        var (_, optimizer) = Managed(new Adam(), new float[12], 0, Tile.Best);
        var full = new float[12];
        foreach (float[][] moments in new float[][][] { [], [full], [full, full, full], [full, new float[11]], [new float[24], full] })
        {
            FluentActions.Invoking(() => optimizer.Load(new OptimizerState(5, moments))).Should().Throw<ArgumentException>().WithMessage("*this optimizer has 2 of 12*");
        }
        optimizer.Read().Steps.Should().Be(0);
        optimizer.Load(new OptimizerState(5, [full, full]));
        optimizer.Read().Steps.Should().Be(5);
    }

    [Fact]
    public void MaxWeightNorm_bounds_rows_and_biases_after_every_step() => EngineContract.MaxWeightNorm((settings, start) => new SimdEngine(settings, start));

    [Fact]
    public void GradientClip_bounds_the_step_keeps_its_direction_and_leaves_small_gradients_alone() =>
        EngineContract.GradientClip((settings, start) => new SimdEngine(settings, start));

    private static (SimdParameters, SimdOptimizer) Managed(Optimizer rule, float[] values, double decay, VectorForm form)
    {
        var parameters = new SimdParameters(("weights", [values.Length]));
        values.CopyTo(parameters.Values);
        return (parameters, SimdOptimizer.Create(rule, parameters, decay, form));
    }

    /// <summary>With gradients twice as large, halved.</summary>
    private static void Step(SimdParameters parameters, SimdOptimizer optimizer, float[] gradients, int step)
    {
        gradients.CopyTo(parameters.Gradients);
        optimizer.BeginStep(Rate * step, 0.5);
        for (var part = optimizer.Parts - 1; part >= 0; part--)
        {
            optimizer.Run(part);
        }
    }

    private static unsafe float[] Pad(SimdParameters parameters) => new ReadOnlySpan<float>(parameters.FirstValue + parameters.Values.Length, parameters.PaddedLength - parameters.Values.Length).ToArray();
}

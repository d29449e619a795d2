using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class TensorFnnTests
{
    [Theory, OnDevices]
    public void The_gradient_is_that_of_backpropagation_in_float64(string device)
    {
        TorchBackend.EnsureAvailable(device);
        (from sizes in Gen.Int[1, 12].Array[0, 3]
         from activation in Gen.Enum<Activation>()
         from outputs in Gen.OneOfConst(1, 3)
         from weighted in Gen.Bool
         from seed in Gen.Int[0, 1_000_000]
         select (sizes, activation, outputs, weighted, seed)).Sample(c =>
        {
            var architecture = new FnnArchitecture(c.sizes, c.activation, 0);
            var network = (FnnNetwork)architecture.Initialize(4, c.outputs, Link.Identity, new bool[4], new Random(c.seed));
            var rows = Setup.Noise(7, 4, c.outputs, c.seed, c.weighted);
            var (loss, gradient) = FnnGradient.Of(network, rows);
            foreach (var (type, allowed) in new[] { (ScalarType.Float32, 1e-5), (ScalarType.Float64, 1e-11) })
            {
                using var engine = new TorchEngine(Setup.Settings(architecture), network, TensorPlace.On(device, type));
                engine.Attach(rows);
                Setup.RelativeDistance(engine.Gradient([6, 0, 1, 2, 3, 4, 5]), gradient).Should().BeLessThan(allowed);
                engine.ReadMetrics().Training.Loss.Should().BeApproximately(loss, allowed * loss);
                FluentActions.Invoking(() => engine.Evaluate(rows, () => throw new OperationCanceledException())).Should().Throw<OperationCanceledException>();
                engine.Evaluate(rows, () => { }).Loss.Should().BeApproximately(loss, allowed * loss);
            }
        }, iter: LongForm.Times(60), threads: 1);
    }

    [Theory, OnDevices]
    public void The_gradient_under_dropout_is_that_of_the_masked_network(string device)
    {
        TorchBackend.EnsureAvailable(device);
        EngineContract.GradientUnderDropout((settings, network) => new TorchEngine(settings, network, TensorPlace.On(device, ScalarType.Float64)), (engine, rows) => engine.Gradient(rows), step: 1e-3f, allowed: 1e-5);
    }

    /// <summary>Hidden units that are all 1, read out one by one: the outputs are the mask.</summary>
    [Theory, OnDevices]
    public void Dropout_leaves_out_its_share_keeps_the_mean_and_is_off_in_evaluation(string device)
    {
        TorchBackend.EnsureAvailable(device);
        const int Units = 50;
        const float Dropout = 0.3f;
        var identity = Enumerable.Range(0, Units * Units).Select(i => i % (Units + 1) == 0 ? 1f : 0).ToArray();
        var ones = Enumerable.Repeat(1f, Units).ToArray();
        var network = new FnnNetwork([new(new float[Units], ones), new(identity, new float[Units])], Activation.ReLU);
        float[][] Masks(int seed, bool training)
        {
            using var scope = NewDisposeScope();
            using var model = new TensorFnn(new FnnArchitecture([Units], Activation.ReLU, Dropout), network, seed, TensorPlace.On(device));
            var x = zeros(400, 1, device: TorchSharp.torch.device(device));
            using var rows = training ? arange(400) : null;
            return [DeviceReads.Floats(model.Forward(x, rows)), DeviceReads.Floats(model.Forward(x, rows))];
        }

        var masks = Masks(1, training: true);

        masks[0].Should().OnlyContain(m => m == 0 || Math.Abs(m - 1 / (1 - Dropout)) < 1e-6);
        masks[0].Average(m => m == 0 ? 1.0 : 0).Should().BeApproximately(Dropout, 0.02);
        masks[0].Average().Should().BeApproximately(1, 0.03f);
        masks[1].Should().NotEqual(masks[0]);
        Masks(1, training: true)[0].Should().Equal(masks[0]);
        Masks(2, training: true)[0].Should().NotEqual(masks[0]);
        Masks(1, training: false)[0].Should().OnlyContain(m => m == 1);
    }
}

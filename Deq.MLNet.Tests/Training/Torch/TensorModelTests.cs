using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class TensorModelTests
{
    [Theory, OnDevices]
    public void Activations_and_slopes_are_those_of_float64(string device)
    {
        TorchBackend.EnsureAvailable(device);
        double[] points = [.. Enumerable.Range(-200, 401).Select(i => 0.05 * i + 0.001), -30, 30, -1e-4, 1e-4, 90, -90];
        foreach (var activation in Enum.GetValues<Activation>())
        {
            foreach (var (type, allowed) in new[] { (ScalarType.Float64, 1e-12), (ScalarType.Float32, 4e-7) })
            {
                using var scope = NewDisposeScope();
                var a = tensor(points).to(type).to(TorchSharp.torch.device(device));
                double[] given = [.. a.to(ScalarType.Float64).cpu().data<double>()];
                var (f, slope) = (a.clone(), empty_like(a));

                TensorModel.Activate(activation, f);
                TensorModel.Slope(activation, f, TensorModel.NeedsPreactivations(activation) ? a : null, null, null, slope);

                Check(f, Phi.Of);
                Check(slope, Phi.Slope);

                void Check(Tensor actual, Func<Activation, double, double> expected)
                {
                    foreach (var (v, value) in given.Zip(actual.to(ScalarType.Float64).cpu().data<double>()))
                    {
                        value.Should().BeApproximately(expected(activation, v), allowed * (1 + Math.Abs(v)), "of {0} at {1}", activation, v);
                    }
                }
            }
        }
    }
}

using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A product of two matrices on a device of libtorch, against the same in float64 on the CPU.</summary>
internal static class DeviceProduct
{
    private const int Size = 256;

    // A sum of 256 products in float32 is off by some 1e-7 of the largest; what is wrong is off by far more.
    private const double Bound = 1e-5;

    /// <param name="device">"cpu" or "cuda:N", available.</param>
    /// <returns>The largest difference as a share of the largest value; or what went wrong, as where the device is one that libtorch has no kernels for.</returns>
    public static (double Error, string? Failure) Try(string device)
    {
        try
        {
            using var scope = torch.NewDisposeScope();
            using var generator = new torch.Generator(1);
            var (a, b) = (torch.randn(Size, Size, generator: generator), torch.randn(Size, Size, generator: generator));
            var right = a.to_type(torch.ScalarType.Float64).mm(b.to_type(torch.ScalarType.Float64));
            var product = a.to(device).mm(b.to(device)).cpu().to_type(torch.ScalarType.Float64);
            var error = ((product - right).abs().max() / right.abs().max()).item<double>();
            return error <= Bound ? (error, null) : (error, string.Create(CultureInfo.InvariantCulture, $"A product on {device} is off by {error:G2} of its largest value."));
        }
        catch (ExternalException e)
        {
            return (double.NaN, $"A product on {device} failed: {e.Message}");
        }
    }
}

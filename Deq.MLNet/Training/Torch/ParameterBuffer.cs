using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>All weights of a network in one flat tensor, and their gradients in another: an optimizer is a few operations whatever the number of layers.</summary>
internal sealed class ParameterBuffer : IDisposable
{
    private readonly Tensor[] _values;
    private readonly Tensor[] _gradients;

    public ParameterBuffer(Device device, ScalarType type, params long[][] shapes)
    {
        var size = shapes.Sum(Count);
        Values = zeros(size, type, device).DetachFromDisposeScope();
        Gradients = zeros(size, type, device).DetachFromDisposeScope();
        _values = Views(Values, shapes);
        _gradients = Views(Gradients, shapes);
    }

    public Tensor Values { get; }

    public Tensor Gradients { get; }

    public Tensor Value(int index) => _values[index];

    public Tensor Gradient(int index) => _gradients[index];

    public void Load(int index, ReadOnlyMemory<float> values) => Copy(values.ToArray(), _values[index]);

    public float[] Read(int index) => ToArray(_values[index]);

    public static void Copy(float[] values, Tensor to)
    {
        using var host = tensor(values);
        using var shaped = host.view(to.shape);
        to.copy_(shaped);
    }

    public static float[] ToArray(Tensor values)
    {
        using var scope = NewDisposeScope();
        var host = values.to(ScalarType.Float32).cpu().contiguous();
        return MemoryMarshal.Cast<byte, float>(host.bytes).ToArray();
    }

    public void Dispose()
    {
        foreach (var view in _values.Concat(_gradients))
        {
            view.Dispose();
        }
        Values.Dispose();
        Gradients.Dispose();
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => checked(product * size));

    private static Tensor[] Views(Tensor flat, long[][] shapes)
    {
        var views = new Tensor[shapes.Length];
        long offset = 0;
        for (var i = 0; i < shapes.Length; i++)
        {
            using var part = flat.narrow(0, offset, Count(shapes[i]));
            views[i] = part.view(shapes[i]).DetachFromDisposeScope();
            offset += Count(shapes[i]);
        }
        return views;
    }
}

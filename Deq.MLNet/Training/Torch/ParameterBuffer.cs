using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>One array of weights, with its gradient.</summary>
internal readonly record struct Parameter(Tensor Value, Tensor Gradient);

/// <summary>All weights of a network in one flat tensor, and their gradients in another: an optimizer is a few operations whatever the number of layers.</summary>
internal sealed class ParameterBuffer : IDisposable
{
    private readonly Dictionary<string, Parameter> _parameters = [];

    /// <summary>Makes room for arrays by their names and sizes.</summary>
    public ParameterBuffer(Device device, ScalarType type, params IReadOnlyCollection<(string Name, long[] Sizes)> arrays)
    {
        var total = arrays.Sum(a => Count(a.Sizes));
        Values = zeros(total, type, device).DetachFromDisposeScope();
        Gradients = zeros(total, type, device).DetachFromDisposeScope();
        long offset = 0;
        foreach (var (name, sizes) in arrays)
        {
            _parameters[name] = new Parameter(View(Values, offset, sizes), View(Gradients, offset, sizes));
            offset += Count(sizes);
        }
    }

    public Tensor Values { get; }

    public Tensor Gradients { get; }

    public Parameter this[string name] => _parameters[name];

    /// <summary>The array of a name; null where there is none.</summary>
    public Parameter? Find(string name) => _parameters.TryGetValue(name, out var found) ? found : null;

    /// <summary>A part of the values, of the shape asked for.</summary>
    public Tensor View(long offset, params long[] sizes) => View(Values, offset, sizes);

    public void Load(string name, ReadOnlyMemory<float> values) => Copy(values.ToArray(), this[name].Value);

    public float[] Read(string name) => DeviceReads.Floats(this[name].Value);

    public static void Copy(float[] values, Tensor to)
    {
        using var host = tensor(values);
        using var shaped = host.view(to.shape);
        to.copy_(shaped);
    }

    public void Dispose()
    {
        foreach (var (value, gradient) in _parameters.Values)
        {
            value.Dispose();
            gradient.Dispose();
        }
        Values.Dispose();
        Gradients.Dispose();
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => checked(product * size));

    private static Tensor View(Tensor flat, long offset, long[] sizes)
    {
        using var part = flat.narrow(0, offset, Count(sizes));
        return part.view(sizes).DetachFromDisposeScope();
    }
}

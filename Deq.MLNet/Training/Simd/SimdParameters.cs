using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>One array of weights, with its gradient: rows x columns, row-major, without padding.</summary>
internal readonly unsafe struct SimdParameter(float* values, float* gradient, int rows, int columns)
{
    public float* Values { get; } = values;

    public float* Gradient { get; } = gradient;

    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    public Span<float> ValueSpan => new(Values, Rows * Columns);

    public Span<float> GradientSpan => new(Gradient, Rows * Columns);
}

/// <summary>All weights of a network in one flat array, and their gradients in another, in the order of the network's shape: that of every engine, so that a checkpoint is not bound to one.</summary>
internal sealed unsafe class SimdParameters
{
    private readonly Dictionary<string, SimdParameter> _parameters = [];
    private readonly AlignedArray _values, _gradients;
    private readonly int _total;

    /// <summary>Makes room for arrays by their names and sizes (rows and columns, or columns alone).</summary>
    public SimdParameters(params IReadOnlyCollection<(string Name, long[] Sizes)> arrays)
    {
        _total = checked((int)arrays.Sum(a => a.Sizes.Aggregate(1L, (product, size) => checked(product * size))));
        (_values, _gradients) = (new AlignedArray(Tile.PaddedColumns(_total)), new AlignedArray(Tile.PaddedColumns(_total)));
        nint offset = 0;
        foreach (var (name, sizes) in arrays)
        {
            var (rows, columns) = (sizes.Length > 1 ? (int)sizes[0] : 1, (int)sizes[^1]);
            _parameters[name] = new SimdParameter(_values.Pointer + offset, _gradients.Pointer + offset, rows, columns);
            offset += (nint)rows * columns;
        }
    }

    public Span<float> Values => _values.Span[.._total];

    public Span<float> Gradients => _gradients.Span[.._total];

    /// <summary>The first value. What follows the last one up to <see cref="PaddedLength"/> is zero, for whole vectors; so with the gradients.</summary>
    public float* FirstValue => _values.Pointer;

    /// <summary>The first gradient.</summary>
    public float* FirstGradient => _gradients.Pointer;

    /// <summary>How many values there are, up to a multiple of 32.</summary>
    public int PaddedLength => _values.Length;

    public SimdParameter this[string name] => _parameters[name];

    /// <summary>The array of a name; null where there is none.</summary>
    public SimdParameter? Find(string name) => _parameters.TryGetValue(name, out var found) ? found : null;
}

using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>Layers with phi and dropout after each, with backpropagation written out: the hidden layers of a feed-forward network, and the encoder before a cell.</summary>
/// <param name="layers">Weights (outputs x inputs) and bias of each, first to last.</param>
/// <param name="activation">phi.</param>
/// <param name="dropout">Leaves out units in training; null for none.</param>
/// <param name="form">Of vectors.</param>
internal sealed class SimdLayers(IReadOnlyList<(SimdParameter Weights, SimdParameter Bias)> layers, Activation activation, SimdDropout? dropout, VectorForm form)
{
    private readonly BatchKernels _kernels = BatchKernels.Create(form, activation);
    private readonly AffineLayer[] _layers = [.. layers.Select(l => new AffineLayer(l.Weights, l.Bias, BatchKernels.Create(form, activation)))];
    private readonly SimdDropout? _dropout = dropout is { Active: true } ? dropout : null;
    /// <summary>By the rows given, of which there are few of different numbers.</summary>
    private readonly Dictionary<PaddedMatrix, Room> _rooms = [];
    private Room _room = null!;
    private PaddedMatrix _x = null!;
    private bool _training;

    /// <summary>What the last layer gives, B x its size; the rows themselves where there is no layer.</summary>
    public PaddedMatrix Outputs => _layers.Length == 0 ? _x : _room[^1].Output;

    /// <summary>Takes the gradient by <see cref="Outputs"/> before <see cref="Backward"/>, which overwrites it; not there without layers.</summary>
    public PaddedMatrix OutputGradient => _room[^1].Gradient;

    /// <summary>The gradients of all layers as sums over rows.</summary>
    public IReadOnlyList<GradientProduct> Products => _room.Products;

    /// <summary>Makes room for rows and takes the present weights; called by one thread. With dropout, whoever owns it begins its batch.</summary>
    public void Prepare(PaddedMatrix x, bool training)
    {
        (_x, _training) = (x, training);
        if (!_rooms.TryGetValue(x, out _room!))
        {
            _rooms[x] = _room = new Room(x, _layers, _dropout is not null, form);
        }
        for (var i = 0; i < _layers.Length; i++)
        {
            _layers[i].Prepare(back: training && i > 0);
        }
    }

    public void Forward(RowBlock rows)
    {
        var x = _x;
        for (var i = 0; i < _layers.Length; i++)
        {
            var at = _room[i];
            var masked = _training && _dropout is not null;
            _layers[i].Apply(x, at.Argument, rows);
            _kernels.Activate(at.Argument, masked ? at.Value : at.Output, rows);
            if (masked)
            {
                _dropout!.Draw(i, at.Mask!, rows);
                BatchKernels.Multiply(at.Value, at.Mask!, at.Output, rows);
            }
            x = at.Output;
        }
    }

    /// <summary>Goes back from <see cref="OutputGradient"/> to what <see cref="Products"/> sum.</summary>
    public void Backward(RowBlock rows)
    {
        for (var i = _layers.Length - 1; i >= 0; i--)
        {
            var at = _room[i];
            // Slopes take the place of arguments, which nobody reads again.
            _kernels.Slope(at.Value, at.Argument, at.Argument, rows);
            BatchKernels.Multiply(at.Gradient, at.Argument, at.Gradient, rows);
            if (_dropout is not null)
            {
                BatchKernels.Multiply(at.Gradient, at.Mask!, at.Gradient, rows);
            }
            if (i > 0)
            {
                _layers[i].Back(at.Gradient, _room[i - 1].Gradient, rows);
            }
        }
    }

    /// <summary>What is kept of a layer's rows.</summary>
    private sealed record Layer(PaddedMatrix Argument, PaddedMatrix Value, PaddedMatrix Output, PaddedMatrix? Mask, PaddedMatrix Gradient);

    private sealed class Room
    {
        private readonly List<Layer> _layers = [];

        public Room(PaddedMatrix x, AffineLayer[] layers, bool masked, VectorForm form)
        {
            var products = new List<GradientProduct>();
            foreach (var layer in layers)
            {
                PaddedMatrix Make() => new(x.Rows, layer.Outputs);
                var value = Make();
                var at = new Layer(Make(), value, masked ? Make() : value, masked ? Make() : null, Make());
                products.Add(layer.Product(at.Gradient, _layers.Count == 0 ? x : _layers[^1].Output, form));
                _layers.Add(at);
            }
            Products = products;
        }

        public IReadOnlyList<GradientProduct> Products { get; }

        public Layer this[Index layer] => _layers[layer];
    }
}

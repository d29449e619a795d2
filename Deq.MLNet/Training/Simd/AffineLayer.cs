using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>x W' + b over the rows of a batch, and back; by tiles, or by dot products where the outputs are few.</summary>
/// <param name="weights">W, outputs x inputs.</param>
/// <param name="bias">b.</param>
/// <param name="kernels">Any with the form of vectors.</param>
internal sealed unsafe class AffineLayer(SimdParameter weights, SimdParameter? bias, BatchKernels kernels)
{
    /// <summary>A tile's work serves so many outputs anyway.</summary>
    private const int FewOutputs = 8;

    private readonly PaddedMatrix? _few = weights.Rows < FewOutputs ? new PaddedMatrix(weights.Rows, weights.Columns) : null;
    private readonly Panels? _forward = weights.Rows < FewOutputs ? null : new Panels(weights.Columns, weights.Rows);
    private readonly Panels? _backward = weights.Rows < FewOutputs ? null : new Panels(weights.Rows, weights.Columns);

    public int Inputs => weights.Columns;

    public int Outputs => weights.Rows;

    /// <summary>Takes the present weights.</summary>
    /// <param name="back">Whether <see cref="Back"/> will be asked for.</param>
    public void Prepare(bool back)
    {
        for (var row = 0; row < _few?.Rows; row++)
        {
            weights.ValueSpan.Slice(row * Inputs, Inputs).CopyTo(_few[row]);
        }
        _forward?.PackTransposed(weights.Values, Inputs);
        if (back)
        {
            _backward?.Pack(weights.Values, Inputs);
        }
    }

    /// <summary>y = x W' + b for the rows of a block.</summary>
    public void Apply(PaddedMatrix x, PaddedMatrix y, RowBlock rows)
    {
        var shift = bias is { } b ? b.Values : null;
        if (_few is not null)
        {
            kernels.Affine(x, _few, shift, y, rows);
        }
        else
        {
            kernels.Affine(x, _forward!, shift, y, rows);
        }
    }

    /// <summary>The gradient by x from that by y, gradient W, for the rows of a block.</summary>
    public void Back(PaddedMatrix gradient, PaddedMatrix inputGradient, RowBlock rows)
    {
        if (_few is not null)
        {
            kernels.Combine(gradient, _few, inputGradient, rows);
        }
        else
        {
            kernels.Affine(gradient, _backward!, null, inputGradient, rows);
        }
    }

    /// <summary>The gradients of weights and bias as sums over rows.</summary>
    /// <param name="gradient">By y.</param>
    /// <param name="x">What the layer was given.</param>
    /// <param name="form">Of vectors.</param>
    public GradientProduct Product(PaddedMatrix gradient, PaddedMatrix x, VectorForm form) => new(gradient, x, weights, bias, form);
}

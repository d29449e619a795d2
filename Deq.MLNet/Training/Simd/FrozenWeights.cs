using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Simd;

/// <summary>Keeps all weights as they are but the diagonals of some square arrays.</summary>
internal sealed class FrozenWeights
{
    private readonly SimdParameters _parameters;
    private readonly float[] _mask, _kept;

    /// <summary>Takes the present weights for those to keep.</summary>
    public FrozenWeights(SimdParameters parameters, IEnumerable<SimdParameter> trainedDiagonals)
    {
        _parameters = parameters;
        // Drawn among the gradients, where the arrays have their places.
        parameters.Gradients.Clear();
        foreach (var parameter in trainedDiagonals)
        {
            for (var i = 0; i < parameter.Rows; i++)
            {
                parameter.GradientSpan[i * parameter.Columns + i] = 1;
            }
        }
        _mask = parameters.Gradients.ToArray();
        _kept = new float[_mask.Length];
        parameters.Gradients.Clear();
        for (var i = 0; i < _kept.Length; i++)
        {
            _kept[i] = _mask[i] == 0 ? parameters.Values[i] : 0;
        }
    }

    public void MaskGradients() => TensorPrimitives.Multiply(_parameters.Gradients, _mask, _parameters.Gradients);

    /// <summary>Undoes what weight decay did to what is kept.</summary>
    public void Restore() => TensorPrimitives.MultiplyAdd(_parameters.Values, _mask, _kept, _parameters.Values);
}

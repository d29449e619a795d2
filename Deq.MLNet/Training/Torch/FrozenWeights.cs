using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Keeps all weights as they are but the diagonals of some square arrays.</summary>
internal sealed class FrozenWeights : IDisposable
{
    private readonly ParameterBuffer _parameters;
    private readonly Tensor _mask, _kept;

    /// <summary>Takes the present weights for those to keep.</summary>
    public FrozenWeights(ParameterBuffer parameters, IEnumerable<Parameter> trainedDiagonals)
    {
        using var scope = NewDisposeScope();
        _parameters = parameters;
        // Drawn among the gradients, whose views are those of the arrays.
        parameters.Gradients.zero_();
        foreach (var parameter in trainedDiagonals)
        {
            parameter.Gradient.diagonal().AddInPlace(1);
        }
        _mask = parameters.Gradients.clone().DetachFromDisposeScope();
        _kept = parameters.Values.sub(parameters.Values.mul(_mask)).DetachFromDisposeScope();
        parameters.Gradients.zero_();
    }

    public void MaskGradients() => _parameters.Gradients.mul_(_mask);

    /// <summary>Undoes what weight decay did to what is kept.</summary>
    public void Restore() => _parameters.Values.mul_(_mask).AddInPlace(_kept);

    public void Dispose()
    {
        _mask.Dispose();
        _kept.Dispose();
    }
}

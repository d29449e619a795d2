using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Equilibrium;

/// <summary>
/// One state after the other, each from those before it: exact where W is lower triangular. With a phi of straight lines the state's own share in W is solved for,
/// z = s (w z + r) with the slope s at r; else it takes the state's last value. For another W this is Gauss and Seidel's iteration.
/// </summary>
internal readonly ref struct ForwardSubstitutionStep<T>(Cell<T> cell) : IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Cell<T> _cell = cell;

    public bool TakesValue(int size, double residual) => false;

    public void Advance(Span<T> z, ReadOnlySpan<T> f, double residual)
    {
        var (d, activation) = (z.Length, _cell.Weights.Activation);
        var w = _cell.Weights.W;
        for (var i = 0; i < d; i++)
        {
            var row = w.Slice(i * d, d);
            var own = row[i];
            var state = z.Slice(i, 1);
            if (own == T.Zero || !activation.IsPiecewiseLinear())
            {
                state[0] = TensorPrimitives.Dot(row, z) + _cell.Injection[i];
                activation.Apply(state);
                continue;
            }
            state[0] = T.Zero;
            var rest = state[0] = TensorPrimitives.Dot(row, z) + _cell.Injection[i];
            activation.Slope(state);
            state[0] = state[0] * rest / (T.One - state[0] * own);
        }
    }
}

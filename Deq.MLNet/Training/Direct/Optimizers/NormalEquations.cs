using System.Numerics.Tensors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Direct.Optimizers;

/// <summary>
/// Damped least squares of a network that is made linear in the weights that move: with the Jacobian J, the residuals r and c half the weight decay, (J'J + c I + damping) step = J'r - c w.
/// Where the weights are more than the rows, the same by a system of as many equations as there are rows.
/// </summary>
internal sealed class NormalEquations
{
    /// <summary>What the damping of a weight is at the least, as a share of the mean: a weight that no output depends on must not move freely.</summary>
    private const double LeastShare = 1e-3;

    private int[] _free = [];
    private double[] _jacobian = [], _residuals = [], _gram = [], _work = [], _right = [], _weights = [];
    private double _decay;
    private int _rows, _stride;

    private bool IsPrimal => _free.Length <= _rows;

    private int Size => Math.Min(_free.Length, _rows);

    /// <summary>The weights that move, by their indices.</summary>
    public ReadOnlySpan<int> Free => _free;

    /// <summary>Linearises at the weights that were evaluated last.</summary>
    /// <returns>How the linear systems of the Jacobian were solved.</returns>
    public BatchSolution Take(Objective objective)
    {
        (_rows, _stride, _decay) = (objective.Rows, Signals.StrideOf(objective.Rows), objective.WeightDecay / 2);
        _free = [.. objective.IsFree.Index().Where(f => f.Item).Select(f => f.Index)];
        Resize(ref _jacobian, checked(_free.Length * _stride));
        Resize(ref _residuals, _rows);
        var solution = objective.Linearize(_free, _jacobian, _residuals);
        _weights = Array.ConvertAll(_free, p => objective.Weights[p]);
        var (factors, length) = IsPrimal ? (_jacobian, _stride) : (Transpose(), Signals.StrideOf(_free.Length));
        Resize(ref _gram, checked(Size * Size));
        objective.Run(Gram.Bands(Size), band => Gram.Band(factors, length, _gram, Size, band));
        _right = IsPrimal ? [.. Enumerable.Range(0, _free.Length).Select(i => TensorPrimitives.Dot<double>(Derivatives(i), _residuals) - _decay * _weights[i])] : [];
        return solution;
    }

    /// <summary>The step under a damping, for each weight that moves; null where the system is singular to float64.</summary>
    public double[]? Solve(double damping) => _free.Length == 0 ? null : IsPrimal ? SolvePrimal(damping) : SolveDual(damping);

    /// <summary>Gives the weights back the values at which it was linearised.</summary>
    public void Restore(Objective objective)
    {
        for (var i = 0; i < _free.Length; i++)
        {
            objective.Weights[_free[i]] = _weights[i];
        }
    }

    private double Trace()
    {
        var trace = 0.0;
        for (var i = 0; i < Size; i++)
        {
            trace += _gram[i * Size + i];
        }
        return trace;
    }

    private double[]? SolvePrimal(double damping)
    {
        var least = LeastShare * Trace() / Size;
        return Factor(diagonal => _decay + damping * (diagonal + least)) ? Solved([.. _right]) : null;
    }

    /// <summary>With K = J J' + n I, n the damping and the decay together: step = J' K^-1 (r + c/n J w) - c/n w.</summary>
    private double[]? SolveDual(double damping)
    {
        var both = damping * Trace() / _free.Length + _decay;
        if (!Factor(_ => both))
        {
            return null;
        }
        var share = _decay / both;
        var right = _residuals[.._rows];
        for (var i = 0; i < _free.Length; i++)
        {
            TensorPrimitives.MultiplyAdd(Derivatives(i), share * _weights[i], right, right);
        }
        Solved(right);
        return [.. _weights.Select((w, i) => TensorPrimitives.Dot<double>(Derivatives(i), right) - share * w)];
    }

    private bool Factor(Func<double, double> added)
    {
        Resize(ref _work, _gram.Length);
        _gram.CopyTo(_work, 0);
        for (var i = 0; i < Size; i++)
        {
            _work[i * Size + i] += added(_gram[i * Size + i]);
        }
        return CholeskyFactor.Factor(_work, Size);
    }

    private double[] Solved(double[] right)
    {
        CholeskyFactor.Solve(_work, right);
        return right;
    }

    private ReadOnlySpan<double> Derivatives(int weight) => _jacobian.AsSpan(weight * _stride, _rows);

    private double[] Transpose()
    {
        var (length, transposed) = (Signals.StrideOf(_free.Length), new double[checked(_rows * Signals.StrideOf(_free.Length))]);
        for (var i = 0; i < _free.Length; i++)
        {
            for (var r = 0; r < _rows; r++)
            {
                transposed[r * length + i] = _jacobian[i * _stride + r];
            }
        }
        return transposed;
    }

    private static void Resize(ref double[] array, int length) => array = array.Length == length ? array : new double[length];
}

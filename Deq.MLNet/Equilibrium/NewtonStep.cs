using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>
/// Semismooth Newton for a phi of straight lines (Qi and Sun 1993): with D the slopes at W z + u, the next z solves (I - D W) z = D u in float64. Such a step depends on D alone:
/// one that comes back comes back for ever. From then on each step is halved until the residual falls, one evaluation of f each; where none helps, or I - D W is singular,
/// a plain step leads elsewhere.
/// </summary>
internal ref struct NewtonStep<T> : IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The residual must fall by this share of the step; a full one would bring it to zero.</summary>
    private const double Decrease = 1e-4;

    private const double ShortestStep = 1.0 / 1024;

    private readonly Cell<T> _cell;
    private readonly ReadOnlySpan<T> _preActivation;
    private readonly Span<T> _slopes;
    private readonly Span<T> _remembered;
    private readonly Span<T> _start;
    private readonly Span<T> _direction;
    private readonly Span<int> _pivots;
    private readonly Span<double> _solution;
    private readonly Span<double> _system;
    private int _steps;
    private int _untilRemembered = 1;
    private bool _cycles;
    private double _length;
    private double _startDistance = double.PositiveInfinity;

    public NewtonStep(Cell<T> cell, ReadOnlySpan<T> preActivation, Span<T> scratch)
    {
        var d = preActivation.Length;
        _cell = cell;
        _preActivation = preActivation;
        _slopes = scratch[..d];
        _remembered = scratch.Slice(d, d);
        _start = scratch.Slice(2 * d, d);
        _direction = scratch.Slice(3 * d, d);
        _pivots = MemoryMarshal.Cast<T, int>(scratch.Slice(4 * d, d))[..d];
        var wide = MemoryMarshal.Cast<T, double>(scratch[(5 * d)..]);
        _solution = wide[..d];
        _system = wide.Slice(d, d * d);
    }

    public static int ScratchSize(int size) => checked(5 * size + (size + size * size) * (sizeof(double) / Unsafe.SizeOf<T>()));

    public readonly bool TakesValue(int size, double residual) => false;

    public void Advance(Span<T> z, ReadOnlySpan<T> f, double residual)
    {
        var distance = Kernels.Distance(f, z);
        if (_length > 0 && distance > (1 - Decrease * _length) * _startDistance)
        {
            _length = _length > ShortestStep ? _length / 2 : 0;
            if (_length > 0)
            {
                TensorPrimitives.MultiplyAdd(_direction, T.CreateChecked(_length), _start, z);
            }
            else
            {
                f.CopyTo(z);
            }
            return;
        }
        _length = 0;
        _preActivation.CopyTo(_slopes);
        _cell.Weights.Activation.Slope(_slopes);
        _cycles = _cycles || ComesBack();
        if (!SolvePiece())
        {
            f.CopyTo(z);
            return;
        }
        if (_cycles)
        {
            (_length, _startDistance) = (1, distance);
            z.CopyTo(_start);
        }
        TensorPrimitives.ConvertSaturating<double, T>(_solution, z);
        if (_cycles)
        {
            TensorPrimitives.Subtract(z, _start, _direction);
        }
    }

    /// <summary>Whether the slopes are those remembered, which are renewed after 1, 2, 4, ... steps: so every cycle is found, with the memory of one (Brent 1980).</summary>
    private bool ComesBack()
    {
        if (_steps > 0 && _slopes.SequenceEqual(_remembered))
        {
            return true;
        }
        _steps++;
        if (--_untilRemembered == 0)
        {
            _untilRemembered = _steps;
            _slopes.CopyTo(_remembered);
        }
        return false;
    }

    /// <summary>The equilibrium of the piece on which the slopes are what they are; false where it has none, or not one alone.</summary>
    private readonly bool SolvePiece()
    {
        var d = _slopes.Length;
        var w = _cell.Weights.W;
        for (var i = 0; i < d; i++)
        {
            var slope = double.CreateChecked(_slopes[i]);
            var row = _system.Slice(i * d, d);
            TensorPrimitives.ConvertChecked<T, double>(w.Slice(i * d, d), row);
            TensorPrimitives.Multiply(row, -slope, row);
            row[i] += 1;
            _solution[i] = slope * double.CreateChecked(_cell.Injection[i]);
        }
        if (!Lu.Factor(_system, _pivots))
        {
            return false;
        }
        Lu.Solve(_system, _pivots, _solution);
        return true;
    }
}

using System.Runtime.CompilerServices;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>What becomes of the sums z M of a fixed-point map z -> act(z M + u). Places are offsets from the first row of a block, in matrices of one stride.</summary>
internal unsafe interface ITileMap<T> where T : unmanaged, IWide<T>
{
    /// <summary>act(sum + u).</summary>
    T Apply(T sum, nint place);

    /// <summary>act(sum + u), of one number.</summary>
    float Apply(float sum, nint place);

    /// <summary>u.</summary>
    float Injection(nint place);

    /// <summary>The most by which act multiplies an error of its argument.</summary>
    /// <param name="value">What act gave.</param>
    /// <param name="place">Where.</param>
    float Gain(float value, nint place);
}

/// <summary>The cell: phi(sum + u).</summary>
internal readonly unsafe struct CellTiles<T, TPhi>(float* injection, float lipschitz) : ITileMap<T> where T : unmanaged, IWide<T> where TPhi : struct, IElementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Apply(T sum, nint place) => TPhi.Apply(sum + T.Load(injection + place));

    public float Apply(float sum, nint place) => Wide128.First(TPhi.Apply(Wide128.Create(sum + injection[place])));

    public float Injection(nint place) => injection[place];

    public float Gain(float value, nint place) => typeof(TPhi) == typeof(Rectifier) && value == 0 ? 0 : lipschitz;
}

/// <summary>The cell under dropout: mask * phi(sum + u).</summary>
internal readonly unsafe struct MaskedCellTiles<T, TPhi>(float* injection, float* mask, float lipschitz) : ITileMap<T> where T : unmanaged, IWide<T> where TPhi : struct, IElementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Apply(T sum, nint place) => TPhi.Apply(sum + T.Load(injection + place)) * T.Load(mask + place);

    public float Apply(float sum, nint place) => Wide128.First(TPhi.Apply(Wide128.Create(sum + injection[place]))) * mask[place];

    public float Injection(nint place) => injection[place];

    public float Gain(float value, nint place) => typeof(TPhi) == typeof(Rectifier) && value == 0 ? 0 : lipschitz * mask[place];
}

/// <summary>The adjoint of the cell: slope * (sum + g), g the gradient by the state.</summary>
internal readonly unsafe struct AdjointTiles<T>(float* gradient, float* slope) : ITileMap<T> where T : unmanaged, IWide<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Apply(T sum, nint place) => (sum + T.Load(gradient + place)) * T.Load(slope + place);

    public float Apply(float sum, nint place) => (sum + gradient[place]) * slope[place];

    public float Injection(nint place) => gradient[place];

    public float Gain(float value, nint place) => Math.Abs(slope[place]);
}

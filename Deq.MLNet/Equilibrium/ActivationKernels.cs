using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>The kernels of single rows for each activation.</summary>
internal static class ActivationKernels
{
    private static readonly RowKernels[] Best = [.. Enum.GetValues<Activation>().Select(activation => activation.Kernels(Tile.Best))];

    /// <summary>Those of the widest form that this machine has instructions for.</summary>
    public static RowKernels Kernels(this Activation activation) => (uint)activation < (uint)Best.Length ? Best[(int)activation] : throw new ArgumentOutOfRangeException(nameof(activation), activation, null);

    public static RowKernels Kernels(this Activation activation, VectorForm form) => form switch
    {
        VectorForm.Vector512 => Of<Wide512>(activation),
        VectorForm.Vector256 => Of<Wide256>(activation),
        _ => Of<Wide128>(activation),
    };

    private static RowKernels Of<T>(Activation activation) where T : unmanaged, IWide<T> => activation switch
    {
        Activation.ReLU => new RowKernels<T, Rectifier>(),
        Activation.Tanh => new RowKernels<T, HyperbolicTangent>(),
        Activation.LeakyReLU => new RowKernels<T, LeakyRectifier>(),
        Activation.GELU => new RowKernels<T, GaussianErrorLinear>(),
        Activation.Softplus => new RowKernels<T, SoftPlus>(),
        Activation.Identity => new RowKernels<T, IdentityMap>(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };
}

namespace Deq.MLNet;

/// <summary>The form of the cell f whose equilibrium z = f(z) a network reads.</summary>
public enum DeqCell
{
    /// <summary>f(z) = phi(W z + U e + b).</summary>
    Dense = 0,

    /// <summary>
    /// f(z) = phi(gain * LN(W z + U e + b) + shift), LN over the d values of a row (Ba, Kiros, Hinton 2016). No rule proves that it contracts: what a certificate says of it is measured.
    /// Solved by <see cref="Picard"/>, <see cref="Anderson"/>, <see cref="Broyden"/> or <see cref="Auto"/>.
    /// </summary>
    LayerNormalized = 1,

    /// <summary>f(z) = diag(w) z + diag(u) x, y = the sum of z: d = n, and only w and u are trained. See <see cref="DeqNetwork.DiagonalLinear"/>.</summary>
    DiagonalLinear = 2,
}

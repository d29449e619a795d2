namespace Deq.MLNet;

/// <summary>How the equilibrium of a <see cref="DeqNetwork"/> is written as operators of an ONNX graph.</summary>
public enum OnnxForm
{
    /// <summary>One of the others, by the network's rule and by what was measured.</summary>
    Auto,

    /// <summary>Plain iteration from zero, z_{k+1} = phi(W z_k + u), cut off after some steps.</summary>
    Unrolled,

    /// <summary>Anderson mixing with a memory of one step, per row, from zero, cut off after some steps.</summary>
    UnrolledAnderson,

    /// <summary>Peaceman-Rachford splitting from zero, with its inverse stored, cut off after some steps: for cells under <see cref="WellPosedness.Monotone"/>.</summary>
    PeacemanRachford,

    /// <summary>State after state of a lower triangular W: exactly d steps, with no error but rounding.</summary>
    ForwardSubstitution,

    /// <summary>Plain iteration in an operator Loop, that ends early: each row stops by its own residual.</summary>
    Loop,
}

using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>A method at work on one batch: from an iterate (B x d) to the next one. Made anew for every solve, inside the dispose scope of that solve.</summary>
internal abstract class TensorStep
{
    /// <summary>Iterations between two tests of a residual where they are cheap: a test waits for the device.</summary>
    public const int Interval = 3;

    /// <summary>Iterations between two tests of the residual.</summary>
    public virtual int TestEvery => Interval;

    /// <summary>Whether <see cref="Advance"/> reads f; if not, f is computed for tests alone.</summary>
    public virtual bool ReadsValue => true;

    /// <summary>Whether <see cref="Advance"/> writes to a buffer; if not, it returns f.</summary>
    public virtual bool WritesNext => true;

    /// <summary>The next iterate, given f = map(z).</summary>
    /// <param name="z">The iterate; not to be written to.</param>
    /// <param name="f">map(z), if <see cref="ReadsValue"/>; not to be written to.</param>
    /// <param name="next">A buffer of the shape of z, of any content, to write to, if <see cref="WritesNext"/>.</param>
    /// <returns><paramref name="next"/>, or <paramref name="f"/> where that is the next iterate.</returns>
    public abstract Tensor Advance(Tensor z, Tensor f, Tensor next);

    /// <summary>Whether tests have changed what it does in this solve, so that the next solve needs them as early.</summary>
    public virtual bool WentByTests => false;

    /// <summary>Told after every test that is not the last, before <see cref="Advance"/>.</summary>
    public virtual void Tested(int iteration, RowProgress rows) { }
}

using Deq.MLNet.Networks;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>Brings W back under its rule, in place and on its device. A W within a rounding error's reach of its bound may be moved though it obeys; one further inside stays as it is.</summary>
internal abstract class Projection : IDisposable
{
    private Tensor? _bound;

    /// <summary>The projection of a rule; null where there is none.</summary>
    public static Projection? Create(DeqArchitecture architecture)
    {
        var limit = architecture.LimitOfNorm();
        return architecture.Rule switch
        {
            SpectralRule => new SpectralProjection(limit),
            InfinityNormRule => new InfinityNormProjection(limit),
            PerronRule => new PerronProjection(limit),
            DiagonalRule => new DiagonalProjection(limit),
            MonotoneRule rule => new MonotoneProjection(1 - (double)rule.Margin),
            StrictlyTriangularRule => new StrictlyTriangularProjection(),
            NoRule => null,
            var rule => throw new NotSupportedException($"{rule} has no projection."),
        };
    }

    /// <summary>Lets what is kept from step to step start anew: called at the start of an epoch, so that a training that resumes does the same.</summary>
    public virtual void BeginEpoch() { }

    /// <summary>Projects W after a step. Where what a rule limits costs too much to bound, it goes by an estimate.</summary>
    public void Apply(Tensor w) => KeepBound(w, Project);

    /// <summary>Makes a W certain to obey that was projected by an estimate.</summary>
    public virtual void Enforce(Tensor w) { }

    /// <summary>Zeroes the gradient of entries of W that are always zero: else it would count where gradients are clipped by their norm.</summary>
    public virtual void Restrict(Tensor gradient) { }

    /// <summary>What the rule bounds, from above; NaN where it is not known, and for a rule without a bound. Waits for the device.</summary>
    public double ReadBound() => _bound is null ? double.NaN : DeviceReads.Number(_bound);

    public virtual void Dispose() => _bound?.Dispose();

    /// <summary>Projects W and returns a bound on what its rule limits, one number on the device; null where it tells none.</summary>
    protected abstract Tensor? Project(Tensor w);

    /// <summary>Projects W and keeps the bound.</summary>
    protected void KeepBound(Tensor w, Func<Tensor, Tensor?> project)
    {
        using var scope = NewDisposeScope();
        var bound = TorchMatmul.Exactly(() => project(w));
        _bound?.Dispose();
        _bound = bound?.DetachFromDisposeScope();
    }

    /// <summary>Scales W by a factor of at most 1 that brings a bound on it under a limit; both may be a number for each row (d x 1). Returns the bound after it.</summary>
    public static Tensor ScaleDown(Tensor w, Tensor bound, double limit)
    {
        var factor = bound.reciprocal().MultiplyInPlace(limit * (1 - BoundMargins.Rounding)).LowerInPlace(1);
        w.mul_(factor);
        return bound.mul_(factor);
    }
}

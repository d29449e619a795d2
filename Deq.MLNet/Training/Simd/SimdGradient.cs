using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Simd.Solvers;

namespace Deq.MLNet.Training.Simd;

/// <summary>A gradient rule: from the gradient by the state to that by the pre-activations.</summary>
internal abstract class SimdGradient
{
    public static SimdGradient Create(DeqArchitecture architecture, int size) => architecture.Gradient switch
    {
        Implicit options => new ImplicitRule(options, architecture, size),
        _ => throw new NotSupportedException($"{architecture.Gradient} has no managed form."),
    };

    /// <summary>Writes M of a block.</summary>
    public abstract BlockSolution Backward(BatchKernels kernels, Panels w, SimdDeq.Workspace work, RowBlock rows);

    private sealed class ImplicitRule(Implicit options, DeqArchitecture architecture, int size) : SimdGradient
    {
        /// <summary>The adjoint's scale is that of the loss's gradient, which has no floor.</summary>
        private const double Absolute = 1e-30;

        private readonly BlockSolver _solver = new(architecture.GradientSolver, new Tolerance(options.Tolerance ?? architecture.Tolerance.Relative, Absolute),
            options.MaxIterations ?? architecture.MaxIterations, size);

        public override BlockSolution Backward(BatchKernels kernels, Panels w, SimdDeq.Workspace work, RowBlock rows) =>
            kernels.SolveAdjoint(_solver, w, work.StateGradient, work.Slope, work.M, work.Next, rows);
    }
}

using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Simd.Solvers;

namespace Deq.MLNet.Training.Simd;

/// <summary>A gradient rule: from the gradient G by the state to M, that by the pre-activations. dL/dW is M' Z, dL/dU M' X, dL/db M' 1.</summary>
internal abstract class SimdGradient
{
    public static SimdGradient Create(DeqArchitecture architecture, int size) => architecture.Gradient switch
    {
        Implicit options => new ImplicitRule(options, architecture, size),
        Phantom options => new NeumannRule(options.Steps, options.Damping),
        OneStep => new NeumannRule(1, 1),
        _ => throw new NotSupportedException($"{architecture.Gradient} has no managed form."),
    };

    /// <summary>Writes M of a block.</summary>
    /// <param name="kernels">Those of the cell.</param>
    /// <param name="w">W as right factor.</param>
    /// <param name="room">Holds the gradient by the state and the slopes; receives M.</param>
    /// <param name="rows">The block.</param>
    /// <returns>How the linear system was solved; no residual and no unsolved row where there is none.</returns>
    public abstract BlockSolution Backward(BatchKernels kernels, Panels w, DeqRoom room, RowBlock rows);

    /// <summary>M = phi'(A) (G + M W), by the implicit function theorem (Bai, Kolter, Koltun 2019, theorem 1).</summary>
    private sealed class ImplicitRule(Implicit options, DeqArchitecture architecture, int size) : SimdGradient
    {
        /// <summary>The adjoint's scale is that of the loss's gradient, which has no floor.</summary>
        private const double Absolute = 1e-30;

        private readonly BlockSolver _solver = new(architecture.GradientSolver, new Tolerance(options.Tolerance ?? architecture.Tolerance.Relative, Absolute),
            options.MaxIterations ?? architecture.MaxIterations, size);

        public override BlockSolution Backward(BatchKernels kernels, Panels w, DeqRoom room, RowBlock rows) =>
            kernels.SolveAdjoint(_solver, w, room.StateGradient, room.Slope, room.M, room.Next, rows);
    }

    /// <summary>So many damped steps of the adjoint from zero, H &lt;- (1 - tau) H + tau (G + M W), M = phi'(A) H: the phantom gradient (Geng et al. 2021); one undamped step is JFB (Fung et al. 2022).</summary>
    private sealed class NeumannRule(int steps, float damping) : SimdGradient
    {
        public override BlockSolution Backward(BatchKernels kernels, Panels w, DeqRoom room, RowBlock rows)
        {
            // H stands where the states' next iterates did.
            var (h, m, next) = (room.F, room.M, room.Next);
            BatchKernels.Scale(room.StateGradient, damping, h, rows);
            BatchKernels.Multiply(h, room.Slope, m, rows);
            for (var step = 1; step < steps; step++)
            {
                kernels.Product(m, w, next, rows);
                BatchKernels.Add(next, room.StateGradient, next, rows);
                BatchKernels.Scale(next, damping, next, rows);
                BatchKernels.Scale(h, 1 - damping, h, rows);
                BatchKernels.Add(h, next, h, rows);
                BatchKernels.Multiply(h, room.Slope, m, rows);
            }
            return new BlockSolution(steps, (long)steps * rows.Padded, 0, 0);
        }
    }
}

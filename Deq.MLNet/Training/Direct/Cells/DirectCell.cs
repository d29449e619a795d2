namespace Deq.MLNet.Training.Direct.Cells;

/// <summary>Finds the equilibria of a cell z = phi(W z + u), and solves the linear system of their gradient.</summary>
internal abstract class DirectCell(WeightArray w, Activation activation, int z, int m, DirectLayer readout)
{
    protected WeightArray W => w;

    protected Activation Activation => activation;

    /// <summary>The first state. Before the solve u stands in its place.</summary>
    protected int Z => z;

    /// <summary>The first signal of the gradient by W z + u. Between the passes the slopes of phi stand in its place.</summary>
    protected int M => m;

    /// <summary>The layer that reads the states.</summary>
    protected DirectLayer Readout => readout;

    /// <summary>Replaces u by the equilibrium in every row of a block, and writes the slopes of phi there.</summary>
    public abstract BatchSolution Solve(double[] weights, Signals signals, Block block);

    /// <summary>Replaces the slopes D by mu = D (g + W' mu), with g the gradient by the states: the implicit function theorem (Bai, Kolter, Koltun 2019, theorem 1).</summary>
    public abstract BatchSolution Adjoint(double[] weights, Signals signals, Block block);
}

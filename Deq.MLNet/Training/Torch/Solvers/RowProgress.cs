using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>How the rows of one solve fare, and what of it is kept. <see cref="HostProgress"/> judges each row on the host, <see cref="DeviceProgress"/> by operations of the device.</summary>
internal abstract class RowProgress(Tolerance tolerance, int maxIterations)
{
    public Tolerance Tolerance => tolerance;

    /// <summary>The cap.</summary>
    public int MaxIterations => maxIterations;

    /// <summary>The largest residual of a row that is not done, at the last test.</summary>
    public double WorstActive { get; protected set; } = double.PositiveInfinity;

    /// <summary>An iterate of an earlier test and its value, which may yet be asked for: nobody writes to them before the next test. Null where there is none.</summary>
    public (Tensor Z, Tensor F)? Kept { get; protected set; }

    /// <summary>Whether all rows met the tolerance at the last test, none before.</summary>
    public virtual bool MetTogether => false;

    /// <summary>How the batch was solved, after the last test.</summary>
    public abstract BatchSolution Solution { get; }

    /// <summary>Judges the rows at an iterate. Once all are done, the result's state and value are those of every row.</summary>
    /// <param name="iteration">Evaluations of the map.</param>
    /// <param name="z">The iterate, B x d.</param>
    /// <param name="f">The map of it.</param>
    /// <param name="last">Whether there is no further one.</param>
    /// <returns>Whether all rows are done.</returns>
    public abstract bool Test(int iteration, Tensor z, Tensor f, bool last);

    /// <summary>||f - z|| of every row at the last test; NaN for one that is done.</summary>
    public abstract double[] ReadDistances();

    /// <summary>How every row was solved, after the last test.</summary>
    public abstract RowSolution[] ReadRows();
}

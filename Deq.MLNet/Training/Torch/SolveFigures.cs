using Deq.MLNet.Training.Torch.Solvers;

namespace Deq.MLNet.Training.Torch;

/// <summary>What the solves since the last read took.</summary>
internal readonly record struct SolveFigures(double MeanIterations, int WorstIterations, double WorstResidual, double WorstGradientResidual, int UnsolvedRows, int UnsolvedGradientRows, double ContractionBound)
{
    public static SolveFigures None { get; } = new(0, 0, 0, 0, 0, 0, double.NaN);
}

/// <summary>Adds up what solves took.</summary>
internal sealed class SolveCounts
{
    private long _batches, _iterations;
    private int _worstIterations, _unsolved, _unsolvedGradients;
    private double _worstResidual, _worstGradientResidual;

    public void Forward(in TensorSolution solution)
    {
        _batches++;
        _iterations += solution.Iterations;
        _worstIterations = Math.Max(_worstIterations, solution.Iterations);
        _worstResidual = Math.Max(_worstResidual, solution.WorstResidual);
        _unsolved += solution.Unsolved;
    }

    public void Backward(in TensorSolution solution)
    {
        _worstGradientResidual = Math.Max(_worstGradientResidual, solution.WorstResidual);
        _unsolvedGradients += solution.Unsolved;
    }

    /// <summary>The figures since the last read, and starts anew.</summary>
    public SolveFigures Read(double contractionBound)
    {
        var figures = new SolveFigures(_batches == 0 ? 0 : (double)_iterations / _batches, _worstIterations, _worstResidual, _worstGradientResidual, _unsolved, _unsolvedGradients, contractionBound);
        (_batches, _iterations, _worstIterations, _worstResidual, _worstGradientResidual, _unsolved, _unsolvedGradients) = (0, 0, 0, 0, 0, 0, 0);
        return figures;
    }
}

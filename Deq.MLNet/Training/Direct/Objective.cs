using System.Numerics.Tensors;
using Deq.MLNet.Training.Losses;

namespace Deq.MLNet.Training.Direct;

/// <summary>The loss of some rows as a function of a network's weights, with its gradient and Jacobian; whatever the number of threads, the same bit for bit.</summary>
internal sealed class Objective(DirectModel model, DirectLoss loss, double weightDecay)
{
    /// <summary>Weights whose derivatives one thread goes through at a time.</summary>
    private const int ChunkWeights = 16;

    private Signals _signals = new(0, 0);
    private Workers _workers = null!;
    private TrainingData _data = new(1, 1, [], [], null);
    private int[] _rows = [];
    private double _totalWeight;

    public double[] Weights => model.Weights;

    public bool[] IsFree => model.IsFree;

    /// <summary>How many rows there are.</summary>
    public int Rows => _signals.Rows;

    public double WeightDecay => weightDecay;

    /// <summary>Says who computes.</summary>
    public void Use(Workers workers) => _workers = workers;

    /// <summary>Takes rows of the data.</summary>
    public void Take(TrainingData data, ReadOnlySpan<int> rows)
    {
        if (_signals.Rows != rows.Length)
        {
            _signals = new Signals(model.SignalCount, rows.Length);
            _rows = new int[rows.Length];
        }
        rows.CopyTo(_rows);
        (_data, _totalWeight) = (data, 0);
        _signals[DirectModel.Ones].Fill(1);
        for (var r = 0; r < rows.Length; r++)
        {
            _totalWeight += data.Weight(rows[r]);
            for (var j = 0; j < data.FeatureCount; j++)
            {
                _signals[DirectModel.X + j][r] = data.Features[rows[r] * data.FeatureCount + j];
            }
        }
    }

    /// <summary>The loss with the present weights.</summary>
    public ObjectiveValue Evaluate()
    {
        _workers.Run(_signals.Blocks.Count, b => model.Forward(_signals, _signals.Blocks[b]));
        var sums = default(LossSums);
        Span<double> outputs = stackalloc double[model.Outputs];
        for (var r = 0; r < Rows; r++)
        {
            _signals.ReadRow(model.Y, r, outputs);
            sums += loss.Of(outputs, _rows[r], _data, _totalWeight);
            _signals.WriteRow(model.G, r, outputs);
        }
        return new ObjectiveValue(sums, sums.Mean.Loss + weightDecay / 2 * TensorPrimitives.SumOfSquares<double>(Weights), Sum(b => b.Forward));
    }

    /// <summary>Writes the gradient at the weights that were evaluated last; zero where a weight does not move.</summary>
    /// <returns>How the linear systems of the rows were solved.</returns>
    public BatchSolution Gradient(double[] gradient)
    {
        var solution = Backward();
        var chunks = (gradient.Length + ChunkWeights - 1) / ChunkWeights;
        _workers.Run(chunks, chunk =>
        {
            for (var p = chunk * ChunkWeights; p < Math.Min(gradient.Length, (chunk + 1) * ChunkWeights); p++)
            {
                var (left, right) = model.Factors[p];
                gradient[p] = IsFree[p] ? TensorPrimitives.Dot<double>(_signals[left], _signals[right]) + weightDecay * Weights[p] : 0;
            }
        });
        return solution;
    }

    /// <summary>
    /// Writes the Jacobian of the residuals by the weights that move, weight by weight, at the weights that were evaluated last, and the residuals:
    /// of the squared loss, whose mean is their sum of squares. Both are scaled by the roots of the rows' shares in the mean.
    /// </summary>
    /// <param name="weights">The weights, by their indices.</param>
    /// <param name="jacobian">One row for each of them, of <see cref="Signals.StrideOf"/> values.</param>
    /// <param name="residuals">Target less output.</param>
    /// <returns>How the linear systems of the rows were solved.</returns>
    public BatchSolution Linearize(int[] weights, double[] jacobian, double[] residuals)
    {
        var gradient = _signals[model.G];
        for (var r = 0; r < Rows; r++)
        {
            // The gradient of the share e^2 is 2 share e.
            var root = Math.Sqrt(_data.Weight(_rows[r]) / _totalWeight);
            residuals[r] = -gradient[r] / (2 * root);
            gradient[r] = root;
        }
        var solution = Backward();
        _workers.Run((weights.Length + ChunkWeights - 1) / ChunkWeights, chunk =>
        {
            for (var i = chunk * ChunkWeights; i < Math.Min(weights.Length, (chunk + 1) * ChunkWeights); i++)
            {
                var (left, right) = model.Factors[weights[i]];
                TensorPrimitives.Multiply(_signals[left], _signals[right], jacobian.AsSpan(i * _signals.Stride, Rows));
            }
        });
        return solution;
    }

    /// <summary>Runs items that know nothing of one another.</summary>
    public void Run(int items, Action<int> item) => _workers.Run(items, item);

    /// <summary>Brings the weights back under their limits.</summary>
    public void Project() => model.Project();

    private BatchSolution Backward()
    {
        _workers.Run(_signals.Blocks.Count, b => model.Backward(_signals, _signals.Blocks[b]));
        return Sum(b => b.Backward);
    }

    private BatchSolution Sum(Func<Block, BatchSolution> of)
    {
        var (most, worst, unsolved) = (0, 0.0, 0);
        foreach (var solution in _signals.Blocks.Select(of))
        {
            (most, worst, unsolved) = (Math.Max(most, solution.Iterations), Math.Max(worst, solution.WorstResidual), unsolved + solution.Unsolved);
        }
        return new BatchSolution(most, worst, Unsolved: unsolved);
    }
}

/// <summary>What the loss is at some weights.</summary>
/// <param name="Sums">Over the rows.</param>
/// <param name="Value">The mean loss with what weight decay adds to it.</param>
/// <param name="Solution">How the equilibria of the rows were found.</param>
internal readonly record struct ObjectiveValue(LossSums Sums, double Value, BatchSolution Solution)
{
    /// <summary>Whether this is below another by more than a share of it, with no more rows unsolved.</summary>
    public bool IsBelow(in ObjectiveValue other, double share = 0) => Value < other.Value - share * Math.Abs(other.Value) && Solution.Unsolved <= other.Solution.Unsolved;
}

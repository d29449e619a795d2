using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Direct;

/// <summary>A network in float64 over <see cref="Signals"/>: the outputs of rows, and what the gradient by every weight is made of.</summary>
internal abstract class DirectModel
{
    /// <summary>The signal that is 1 in every row: what a bias multiplies.</summary>
    public const int Ones = 0;

    /// <summary>The first feature.</summary>
    public const int X = 1;

    /// <summary>Makes room for weights.</summary>
    protected DirectModel(int weights) => (Weights, IsFree, Factors) = (new double[weights], Enumerable.Repeat(true, weights).ToArray(), new WeightFactors[weights]);

    /// <summary>All weights, in the order of the network's arrays.</summary>
    public double[] Weights { get; }

    /// <summary>Which weights move: not those that a rule has zero, nor those of units that are frozen.</summary>
    public bool[] IsFree { get; }

    public WeightFactors[] Factors { get; }

    /// <summary>How many signals a row has.</summary>
    public int SignalCount { get; protected init; }

    /// <summary>The first affine output.</summary>
    public int Y { get; protected init; }

    /// <summary>The first signal of the gradient by the outputs.</summary>
    public int G { get; protected init; }

    /// <summary>K.</summary>
    public int Outputs { get; protected init; }

    /// <summary>Writes what lies between the features and the outputs of a block, and the outputs.</summary>
    public abstract void Forward(Signals signals, Block block);

    /// <summary>Goes back from the gradient by the outputs of a block to that by all sums.</summary>
    public abstract void Backward(Signals signals, Block block);

    /// <summary>Brings what may move of the weights back under their limits.</summary>
    public abstract void Project();

    /// <summary>What a rule bounds of W; NaN without a bound.</summary>
    public virtual double ContractionBound() => double.NaN;

    /// <summary>Whether the first units of each layer stay as they are.</summary>
    public abstract void Freeze(bool frozen);

    public abstract Network ToNetwork();

    /// <summary>Sets of some rows of arrays whether they move.</summary>
    protected void SetFree(bool free, int rows, params ReadOnlySpan<WeightArray> arrays)
    {
        foreach (var array in arrays)
        {
            IsFree.AsSpan(array.Offset, rows * array.Columns).Fill(free);
        }
    }

    protected float[] ReadFloats(WeightArray array) => Array.ConvertAll(array.Of(Weights).ToArray(), w => (float)w);

    protected void Write(WeightArray array, ReadOnlySpan<float> values) => TensorPrimitives.ConvertChecked<float, double>(values, array.Of(Weights));
}

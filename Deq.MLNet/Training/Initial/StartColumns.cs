using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Initial;

/// <summary>What units read, over training rows in standard units: a column of float64 for each feature or unit before them.</summary>
internal sealed class StartColumns
{
    private const int LeastRows = 256, MostRows = 4096;

    /// <summary>Products of one layer over all rows, at the most: a start must cost little beside the training.</summary>
    private const double MostWork = 1 << 28;

    private readonly List<double[]> _columns;

    private StartColumns(int rows, IEnumerable<double[]> columns) => (Rows, _columns) = (rows, [.. columns]);

    /// <summary>The features of rows: of all, or evenly spread, of fewer where layers are large.</summary>
    /// <param name="data">Rows in standard units.</param>
    /// <param name="largestLayer">The outputs of the largest layer.</param>
    public static StartColumns Of(TrainingData data, int largestLayer)
    {
        var size = (double)Math.Max(largestLayer, data.FeatureCount);
        var rows = Math.Min(data.Rows, (int)Math.Clamp(MostWork / (size * size), LeastRows, MostRows));
        double Value(int row, int column) => data.Features[(int)((long)row * data.Rows / rows) * data.FeatureCount + column];
        return new StartColumns(rows, Enumerable.Range(0, data.FeatureCount).Select(column => Column(rows, row => Value(row, column))));
    }

    /// <summary>What some function gives for every row.</summary>
    /// <param name="count">Values of a row.</param>
    /// <param name="read">Gives them of the values here.</param>
    public StartColumns Select(int count, Func<float[], double[]> read)
    {
        var values = Enumerable.Range(0, Rows).Select(row => read([.. _columns.Select(c => (float)c[row])])).ToArray();
        return new StartColumns(Rows, Enumerable.Range(0, count).Select(column => Column(Rows, row => values[row][column])));
    }

    public int Rows { get; }

    public int Count => _columns.Count;

    /// <summary>The same columns, and those of others behind them.</summary>
    public StartColumns With(params IEnumerable<double[]> others) => new(Rows, [.. _columns, .. others]);

    /// <summary>The columns of these, then those of others.</summary>
    public StartColumns With(StartColumns others) => With(others._columns);

    /// <summary>No columns, over the same rows.</summary>
    public StartColumns None() => new(Rows, []);

    public void Add(double[] column) => _columns.Add(column);

    /// <summary>The weighted sum of all columns.</summary>
    public double[] Sum(ReadOnlySpan<float> weights, double constant = 0)
    {
        var sum = Column(Rows, _ => constant);
        for (var i = 0; i < weights.Length; i++)
        {
            TensorPrimitives.MultiplyAdd(_columns[i], weights[i], sum, sum);
        }
        return sum;
    }

    /// <summary>What a layer makes of these, before phi.</summary>
    public StartColumns Through(DenseLayer layer)
    {
        var (weights, bias) = (layer.Weights, layer.Bias);
        return new StartColumns(Rows, Enumerable.Range(0, layer.OutputSize).Select(k => Sum(weights.Span.Slice(k * layer.InputSize, layer.InputSize), bias.Span[k])));
    }

    /// <summary>What layers with phi after each make of these.</summary>
    public StartColumns Through(IEnumerable<DenseLayer> layers, Activation activation)
    {
        var signals = this;
        foreach (var layer in layers)
        {
            signals = signals.Through(layer);
            signals._columns.ForEach(column => activation.Apply<double>(column));
        }
        return signals;
    }

    /// <summary>The least and the largest value of a column.</summary>
    public (double Least, double Largest) RangeOf(int column) => (_columns[column].Min(), _columns[column].Max());

    /// <summary>The standard deviation of a column.</summary>
    public static double Deviation(double[] column)
    {
        var mean = TensorPrimitives.Sum<double>(column) / column.Length;
        return Math.Sqrt(column.Sum(value => (value - mean) * (value - mean)) / column.Length);
    }

    private static double[] Column(int rows, Func<int, double> value)
    {
        var column = new double[rows];
        for (var row = 0; row < rows; row++)
        {
            column[row] = value(row);
        }
        return column;
    }
}

namespace Deq.MLNet.Training.Initial;

/// <summary>Random weights by an <see cref="Initialization"/>.</summary>
internal static class InitialWeights
{
    /// <summary>W of a cell, d x d; what little of it may break the rule is projected where training begins.</summary>
    public static float[] OfCell(DeqArchitecture architecture, Random random)
    {
        var size = architecture.StateSize;
        return architecture.Initialization switch
        {
            GaussianInitialization gaussian => InitialMatrix.For(architecture, gaussian.Scale, random),
            OrthogonalInitialization orthogonal => Orthogonal(random, size, size, InitialMatrix.NormOf(architecture, orthogonal.Scale)),
            TriangularInitialization triangular => [.. Normal(random, size, size, InitialMatrix.NormOf(architecture, triangular.Scale) / (2 * Math.Sqrt(size))).Select((v, i) => i % size < i / size ? v : 0)],
            GivenInitialization given => [.. given.W],
            var how => throw new NotSupportedException($"{how} is no start of a cell."),
        };
    }

    /// <summary>A layer's weights, of the deviation that keeps the signal; the columns of constant features, which carry no information, are zero.</summary>
    public static float[] OfLayer(Initialization how, Random random, int outputs, int inputs, double gain, bool[]? zeroColumns)
    {
        var deviation = gain / Math.Sqrt(inputs);
        return how switch
        {
            GaussianInitialization gaussian => Normal(random, outputs, inputs, (gaussian.Scale ?? 1) * deviation, zeroColumns),
            // Of a read-out.
            KinkInitialization or CascadeInitialization => Normal(random, outputs, inputs, deviation, zeroColumns),
            // Of more inputs than outputs, orthogonal rows of length 1 have the deviation 1 / sqrt(inputs).
            OrthogonalInitialization orthogonal => WithoutColumns(Orthogonal(random, outputs, inputs, (orthogonal.Scale ?? 1) * gain), zeroColumns),
            _ => throw new NotSupportedException($"{how} is no start of a layer."),
        };
    }

    /// <summary>Normal deviates; the columns asked for are zero.</summary>
    public static float[] Normal(Random random, int rows, int columns, double deviation, bool[]? zeroColumns = null)
    {
        var values = new float[checked(rows * columns)];
        for (var i = 0; i < values.Length; i++)
        {
            // Box and Muller, 1958; 1 - u lies in (0, 1].
            var value = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            values[i] = (float)(deviation * value);
        }
        return WithoutColumns(values, zeroColumns);
    }

    /// <summary>A matrix whose rows, or columns where these are fewer, are orthogonal and of the length asked for: Gaussian ones by Gram and Schmidt, twice over for the rounding.</summary>
    private static float[] Orthogonal(Random random, int rows, int columns, double length)
    {
        var (count, size) = (Math.Min(rows, columns), Math.Max(rows, columns));
        var vectors = new double[count][];
        for (var v = 0; v < count; v++)
        {
            vectors[v] = [.. Normal(random, 1, size, 1).Select(value => (double)value)];
            for (var other = 0; other < 2 * v; other++)
            {
                var (vector, earlier) = (vectors[v], vectors[other % v]);
                var along = vector.Zip(earlier, (a, b) => a * b).Sum();
                vectors[v] = [.. vector.Zip(earlier, (a, b) => a - along * b)];
            }
            var norm = Math.Sqrt(vectors[v].Sum(value => value * value));
            vectors[v] = [.. vectors[v].Select(value => value / norm)];
        }
        return [.. Enumerable.Range(0, rows * columns).Select(i => (float)(length * (rows <= columns ? vectors[i / columns][i % columns] : vectors[i % columns][i / columns])))];
    }

    private static float[] WithoutColumns(float[] values, bool[]? zeroColumns)
    {
        for (var i = 0; zeroColumns is not null && i < values.Length; i++)
        {
            values[i] = zeroColumns[i % zeroColumns.Length] ? 0 : values[i];
        }
        return values;
    }
}

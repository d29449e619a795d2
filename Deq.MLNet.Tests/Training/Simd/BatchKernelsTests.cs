using CsCheck;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Simd;

namespace Deq.MLNet.Tests.Training.Simd;

/// <summary>In every form of vectors, against float64; a block touches its own rows alone.</summary>
public sealed unsafe class BatchKernelsTests
{
    private static readonly Gen<(int Rows, int Inputs, int Outputs, int Seed)> Shapes = Gen.Select(Gen.Int[1, 30], Gen.Int[1, 70], Gen.OneOf(Gen.Int[1, 9], Gen.Int[10, 70]), Gen.Int[0, 100_000]);

    private static IEnumerable<BatchKernels> Kernels(Activation activation) => Enum.GetValues<VectorForm>().Select(form => BatchKernels.Create(form, activation));

    /// <summary>By tiles or by dot products; and back, by tiles or by few terms.</summary>
    [Fact]
    public void Layers_and_their_transposes_agree_with_float64() => Shapes.Sample(s =>
    {
        var random = new Random(s.Seed);
        var parameters = new SimdParameters(("W", [s.Outputs, s.Inputs]), ("b", [s.Outputs]));
        RandomCell.Values(random, parameters.Values.Length, 1).CopyTo(parameters.Values);
        var (x, gradient) = (Random(s.Rows, s.Inputs, random), Random(s.Rows, s.Outputs, random));
        double W(int output, int input) => parameters["W"].ValueSpan[output * s.Inputs + input];
        foreach (var kernels in Kernels(Activation.Identity))
        {
            foreach (var bias in new SimdParameter?[] { parameters["b"], null })
            {
                var layer = new AffineLayer(parameters["W"], bias, kernels);
                layer.Prepare(back: true);
                var (y, back) = (Filled(s.Rows, s.Outputs, 9), Filled(s.Rows, s.Inputs, 9));
                foreach (var block in Blocks(s.Rows))
                {
                    layer.Apply(x, y, block);
                    layer.Back(gradient, back, block);
                }
                for (var row = 0; row < s.Rows; row++)
                {
                    for (var output = 0; output < s.Outputs; output++)
                    {
                        var terms = Enumerable.Range(0, s.Inputs).Select(i => x[row][i] * W(output, i)).Append(bias?.ValueSpan[output] ?? 0).ToArray();
                        ((double)y[row][output]).Should().BeApproximately(terms.Sum(), 1e-6 * terms.Sum(Math.Abs));
                    }
                    for (var input = 0; input < s.Inputs; input++)
                    {
                        var terms = Enumerable.Range(0, s.Outputs).Select(o => gradient[row][o] * W(o, input)).ToArray();
                        ((double)back[row][input]).Should().BeApproximately(terms.Sum(), 1e-6 * terms.Sum(Math.Abs));
                    }
                }
                PaddingIsZero(back);
            }
        }
    }, iter: LongForm.Times(30));

    [Fact]
    public void Elements_go_through_phi_its_slope_and_products() => Gen.Select(Gen.Enum<Activation>(), Shapes).Sample((activation, s) =>
    {
        var random = new Random(s.Seed);
        var (a, b) = (Random(s.Rows, s.Inputs, random), Random(s.Rows, s.Inputs, random));
        foreach (var kernels in Kernels(activation))
        {
            var (value, slope, product) = (Filled(s.Rows, s.Inputs, 9), Filled(s.Rows, s.Inputs, 9), Filled(s.Rows, s.Inputs, 9));
            foreach (var block in Blocks(s.Rows))
            {
                kernels.Activate(a, value, block);
                kernels.Slope(value, kernels.SlopeNeedsArgument ? a : b, slope, block);
                BatchKernels.Multiply(a, b, product, block);
            }
            for (var row = 0; row < s.Rows; row++)
            {
                for (var i = 0; i < s.Inputs; i++)
                {
                    ((double)value[row][i]).Should().BeApproximately(Phi.Of(activation, a[row][i]), 1e-6, "{0} of {1}", activation, a[row][i]);
                    ((double)slope[row][i]).Should().BeApproximately(Phi.Slope(activation, a[row][i]), 2e-6, "{0} at {1}", activation, a[row][i]);
                    product[row][i].Should().Be(a[row][i] * b[row][i]);
                }
            }
        }
    }, iter: LongForm.Times(40));

    [Fact]
    public void Gradients_are_sums_over_the_rows_that_count() => Shapes.Sample(s =>
    {
        var random = new Random(s.Seed);
        var (left, right) = (Random(s.Rows, s.Outputs, random), Random(s.Rows, s.Inputs, random));
        foreach (var form in Enum.GetValues<VectorForm>())
        {
            foreach (var biased in new[] { true, false })
            {
                // What follows a gradient is that of another array, which must stay as it is.
                var parameters = new SimdParameters(("W", [s.Outputs, s.Inputs]), ("b", [s.Outputs]), ("other", [1]));
                parameters.Gradients.Fill(9);
                var product = new GradientProduct(left, right, parameters["W"], biased ? parameters["b"] : null, form);
                for (var part = product.Parts - 1; part >= 0; part--)
                {
                    product.Run(part);
                }
                parameters["other"].GradientSpan[0].Should().Be(9);
                for (var output = 0; output < s.Outputs; output++)
                {
                    ((double)parameters["b"].GradientSpan[output]).Should().BeApproximately(biased ? Enumerable.Range(0, s.Rows).Sum(row => (double)left[row][output]) : 9, 1e-4);
                    for (var input = 0; input < s.Inputs; input++)
                    {
                        var terms = Enumerable.Range(0, s.Rows).Select(row => (double)left[row][output] * right[row][input]).ToArray();
                        ((double)parameters["W"].GradientSpan[output * s.Inputs + input]).Should().BeApproximately(terms.Sum(), 1e-6 * terms.Sum(Math.Abs));
                    }
                }
            }
        }
    }, iter: LongForm.Times(30));

    private static IEnumerable<RowBlock> Blocks(int rows)
    {
        for (var first = 0; first < rows; first += 16)
        {
            yield return new RowBlock(first, Math.Min(16, rows - first));
        }
    }

    /// <summary>Random columns, with rows of padding that are no numbers and must count for nothing.</summary>
    private static PaddedMatrix Random(int rows, int columns, Random random)
    {
        var matrix = Filled(rows, columns, float.NaN);
        for (var row = 0; row < rows; row++)
        {
            RandomCell.Values(random, columns, 1).CopyTo(matrix[row]);
        }
        return matrix;
    }

    private static PaddedMatrix Filled(int rows, int columns, float value)
    {
        var matrix = new PaddedMatrix(rows, columns);
        for (var row = 0; row < Tile.PaddedRows(rows); row++)
        {
            matrix[row].Fill(value);
        }
        return matrix;
    }

    /// <summary>A gradient's columns of padding are read as outputs of a tile.</summary>
    private static void PaddingIsZero(PaddedMatrix matrix)
    {
        for (var row = 0; row < matrix.Rows; row++)
        {
            new ReadOnlySpan<float>(matrix.Row(row) + matrix.Columns, matrix.Stride - matrix.Columns).ContainsAnyExcept(0f).Should().BeFalse();
        }
    }
}

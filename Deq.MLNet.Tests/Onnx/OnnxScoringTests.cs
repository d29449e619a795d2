using CsCheck;
using Deq.MLNet.Onnx.Proto;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Onnx.OnnxCases;

namespace Deq.MLNet.Tests.Onnx;

public class OnnxScoringTests
{
    public static TheoryData<int, double, Activation, Link, int> Networks
    {
        get
        {
            var data = new TheoryData<int, double, Activation, Link, int>();
            foreach (var activation in Enum.GetValues<Activation>())
            {
                foreach (var link in Enum.GetValues<Link>())
                {
                    data.Add(4, 0.3, activation, link, 3);
                    data.Add(17, 0.7, activation, link, 1);
                    data.Add(33, 0.95, activation, link, 3);
                }
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Unrolled_scores_are_within_the_error_of_the_float64_equilibrium(int d, double factor, Activation activation, Link link, int outputs)
    {
        var network = RandomDeq(d, d, factor, activation, link, outputs);
        var (bytes, report) = Export(network);
        using var session = Open(bytes);
        foreach (var rows in new[] { 1, 7, 64 })
        {
            var x = Gaussian(new Random(rows), rows * network.InputSize);
            var expected = Reference(network, x);
            var actual = Run(session, x, network.InputSize);
            actual.LargestDifference(expected).Should().BeLessThan(1e-5 * network.UnrollCurves[0].Scale);
        }
        report.MaxError.Should().BeLessThanOrEqualTo(1e-5);
    }

    [Fact]
    public void Unrolled_scores_of_networks_with_any_part_are_those_of_float64() => RandomNetwork.Of(16).Sample(drawn =>
    {
        var network = drawn.Network();
        float[][] rows = [.. Enumerable.Range(0, 8).Select(drawn.Row)];
        if (rows.Any(row => Deq.MLNet.Tests.Networks.NetworkPartsTests.Reference(network, row) is not { ErrorPerResidual: < 20 }))
        {
            return;
        }
        if (Measure(network, [.. rows.Select(row => (ReadOnlyMemory<float>)row)]) is not { } curve)
        {
            drawn.Normalized.Should().BeTrue("only where nothing is proved may the search for an equilibrium fail");
            return;
        }
        network = network.WithCurves(curve);
        var (bytes, report) = Export(network, new OnnxExportOptions { MaxError = 1e-4 });
        float[] x = [.. rows.SelectMany(row => row)];

        Run(bytes, x, network.InputSize).LargestDifference(Reference(network, x)).Should().BeLessThan(1e-4 * network.UnrollCurves[0].Scale);
        (report.Bound is null || !drawn.Normalized).Should().BeTrue("nothing is proved of a layer-normalised cell");
    }, iter: LongForm.Times(40), threads: 1);

    [Theory]
    [MemberData(nameof(Opsets))]
    public void Every_opset_scores_every_part_the_same_and_stores_constants_once(int opset)
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var drawn = new RandomNetwork(8, 3, 2, 0.4, activation, [5], true, true, 11);
            var network = drawn.Network();
            var (bytes, _) = Export(network, new OnnxExportOptions { Opset = opset, Steps = 60 });
            float[] x = [.. drawn.Row(0), .. drawn.Row(1), .. drawn.Row(2)];
            var clean = Run(bytes, x, 3);

            clean.LargestDifference(Reference(network, x)).Should().BeLessThan(1e-4);
            ModelProto.Parser.ParseFrom(bytes).Graph.Initializer.Count.Should().BeLessThan(18);
            x[4] = float.NaN;
            var scores = Run(bytes, x, 3);
            scores[2..4].Should().OnlyContain(v => float.IsNaN(v));
            scores[..2].Concat(scores[4..]).Should().Equal(clean[..2].Concat(clean[4..]));
        }
    }

    /// <summary>Of float32, at the largest output.</summary>
    private const double UnitInTheLastPlace = 1.2e-7;

    [Theory]
    [InlineData(1e-2)]
    [InlineData(1e-4)]
    [InlineData(1e-6)]
    public void A_smaller_error_takes_more_steps_and_is_kept(double maxError)
    {
        var network = RandomDeq(5, 24, 0.9, Activation.ReLU, Link.Identity, 2);
        var (bytes, report) = Export(network, new OnnxExportOptions { MaxError = maxError });
        var x = Gaussian(new Random(1), 500 * network.InputSize);
        Run(bytes, x, network.InputSize).LargestDifference(Reference(network, x)).Should().BeLessThan((maxError + UnitInTheLastPlace) * network.UnrollCurves[0].Scale, "at 1e-6 rounding leaves no margin for rows not measured");

        var coarser = Export(network, new OnnxExportOptions { MaxError = 10 * maxError });
        coarser.Report.Steps.Should().BeLessThan(report.Steps);
    }

    [Theory]
    [InlineData(Activation.ReLU, Link.Identity)]
    [InlineData(Activation.Tanh, Link.Exp)]
    [InlineData(Activation.ReLU, Link.Logistic)]
    [InlineData(Activation.Tanh, Link.Softmax)]
    public void Feed_forward_scores_are_those_of_float64(Activation activation, Link link)
    {
        foreach (var sizes in new int[][] { [3, 2], [4, 9, 1], [5, 16, 8, 3] })
        {
            var network = RandomFnn(7, activation, link, sizes);
            var (bytes, report) = Export(network);
            var x = Gaussian(new Random(3), 40 * sizes[0]);
            var expected = Reference(network, x);
            Run(bytes, x, sizes[0]).LargestDifference(expected).Should().BeLessThan(1e-6 * expected.Max(Math.Abs));
            report.Should().Match<OnnxExportReport>(r => r.Form == null && r.Steps == 0 && r.MaxError == null && r.Bound == null);
        }
    }

    [Fact]
    public void A_row_does_not_depend_on_its_batch()
    {
        var network = RandomDeq(2, 20, 0.9, Activation.Tanh, Link.Identity, 3);
        using var session = Open(Export(network).Bytes);
        var x = Gaussian(new Random(9), 64 * network.InputSize);
        var together = Run(session, x, network.InputSize);
        for (var row = 0; row < 64; row++)
        {
            // Kernels for one row and for many add up in different orders: a few units in the last place.
            var alone = Run(session, x[(row * 3)..(row * 3 + 3)], network.InputSize);
            alone.LargestDifference(together[(row * 3)..(row * 3 + 3)]).Should().BeLessThan(3e-6);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_feature_that_is_not_finite_makes_its_row_NaN_and_no_other(float bad)
    {
        foreach (var link in Enum.GetValues<Link>())
        {
            foreach (var activation in Enum.GetValues<Activation>())
            {
                foreach (var network in new Network[] { RandomDeq(3, 8, 0.5, activation, link, 2), RandomFnn(4, activation, link, 3, 8, 2) })
                {
                    var x = Gaussian(new Random(5), 6 * 3);
                    var clean = Run(Export(network).Bytes, x, 3);
                    x[7] = bad;
                    var actual = Run(Export(network).Bytes, x, 3);
                    actual.Select((v, i) => float.IsNaN(v) == (i / 2 == 2)).Should().OnlyContain(same => same);
                    actual.Where((_, i) => i / 2 != 2).Should().Equal(clean.Where((_, i) => i / 2 != 2));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Opsets))]
    public void Every_opset_loads_and_scores_the_same(int opset)
    {
        foreach (var link in Enum.GetValues<Link>())
        {
            var network = RandomDeq(6, 6, 0.6, Activation.ReLU, link, 2);
            var x = Gaussian(new Random(8), 5 * 3);
            var (bytes, report) = Export(network, new OnnxExportOptions { Opset = opset });
            report.Opset.Should().Be(opset);
            Run(bytes, x, 3).LargestDifference(Reference(network, x)).Should().BeLessThan(1e-5 * network.UnrollCurves[0].Scale);
        }
    }

    public static TheoryData<int> Opsets => [.. Enumerable.Range(13, 9)];

    [Fact]
    public void ML_NET_scores_an_exported_network()
    {
        var network = RandomDeq(11, 12, 0.8, Activation.ReLU, Link.Identity, 2);
        var path = Path.Combine(Directory.CreateTempSubdirectory("deq").FullName, "model.onnx");
        File.WriteAllBytes(path, Export(network).Bytes);
        try
        {
            var random = new Random(4);
            var rows = Enumerable.Range(0, 9).Select(_ => new Row { Features = Gaussian(random, 3) }).ToList();
            var context = new MLContext(1);
            var data = context.Data.LoadFromEnumerable(rows);
            var model = context.Transforms.ApplyOnnxModel("Score", "Features", path).Fit(data);

            var scores = model.Transform(data).GetColumn<float[]>("Score").SelectMany(s => s).ToArray();

            scores.LargestDifference(Reference(network, [.. rows.SelectMany(r => r.Features)])).Should().BeLessThan(1e-5 * network.UnrollCurves[0].Scale);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    private sealed class Row
    {
        [VectorType(3)]
        public float[] Features { get; set; } = [];
    }
}

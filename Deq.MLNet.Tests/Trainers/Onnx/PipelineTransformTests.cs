using System.Globalization;
using Deq.MLNet.Tests.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using Estimator = System.Func<Microsoft.ML.TransformsCatalog, Microsoft.ML.IEstimator<Microsoft.ML.ITransformer>>;

namespace Deq.MLNet.Tests.Trainers.Onnx;

/// <summary>Built-in transforms before a trainer: the file gives what ML.NET gives, or the transform is refused by its name.</summary>
public class PipelineTransformTests
{
    private static readonly MLContext _context = new(1);

    /// <summary>Each makes the column X, of numbers.</summary>
    private static readonly Dictionary<string, Estimator> Exported = new()
    {
        ["Concatenate"] = t => t.Concatenate("X", "Height", "Sizes", "Weight"),
        ["Concatenate one"] = t => t.Concatenate("X", "Height"),
        ["Concatenate, then convert doubles"] = t => t.Concatenate("D", "Cost", "Prices").Append(t.Conversion.ConvertType("X", "D", DataKind.Single)),
        ["Concatenate, then convert whole numbers"] = t => t.Concatenate("D", "Big", "Big").Append(t.Conversion.ConvertType("X", "D", DataKind.Single)),
        ["NormalizeMinMax"] = t => t.NormalizeMinMax("X", "Sizes"),
        ["NormalizeMinMax, zero moves"] = t => t.NormalizeMinMax("X", "Sizes", fixZero: false),
        ["NormalizeMinMax, a number"] = t => t.NormalizeMinMax("X", "Weight"),
        ["NormalizeMeanVariance"] = t => t.NormalizeMeanVariance("X", "Sizes", fixZero: false),
        ["NormalizeMeanVariance in place"] = t => t.CopyColumns("X", "Sizes").Append(t.NormalizeMeanVariance("X")).Append(t.NormalizeMinMax("X")),
        ["NormalizeRobustScaling"] = t => t.NormalizeRobustScaling("X", "Sizes"),
        ["NormalizeLpNorm L2"] = t => t.NormalizeLpNorm("X", "Sizes"),
        ["NormalizeLpNorm L1"] = t => t.NormalizeLpNorm("X", "Sizes", LpNormNormalizingEstimatorBase.NormFunction.L1),
        ["NormalizeLpNorm Infinity"] = t => t.NormalizeLpNorm("X", "Sizes", LpNormNormalizingEstimatorBase.NormFunction.Infinity),
        ["ReplaceMissingValues by the default"] = t => t.ReplaceMissingValues("X", "Sizes"),
        ["ReplaceMissingValues by the mean"] = t => t.ReplaceMissingValues("X", "Sizes", MissingValueReplacingEstimator.ReplacementMode.Mean),
        ["ReplaceMissingValues by the least"] = t => t.ReplaceMissingValues("X", "Sizes", MissingValueReplacingEstimator.ReplacementMode.Minimum),
        ["ReplaceMissingValues by the largest"] = t => t.ReplaceMissingValues("X", "Sizes", MissingValueReplacingEstimator.ReplacementMode.Maximum),
        ["ReplaceMissingValues by the mode"] = t => t.ReplaceMissingValues("X", "Sizes", MissingValueReplacingEstimator.ReplacementMode.Mode),
        ["ReplaceMissingValues by one mean"] = t => t.ReplaceMissingValues("X", "Sizes", MissingValueReplacingEstimator.ReplacementMode.Mean, imputeBySlot: false),
        ["ReplaceMissingValues of a number"] = t => t.ReplaceMissingValues("X", "Height", MissingValueReplacingEstimator.ReplacementMode.Mean),
        ["IndicateMissingValues"] = t => t.IndicateMissingValues("M", "Sizes").Append(t.Conversion.ConvertType("X", "M", DataKind.Single)),
        ["IndicateMissingValues of a number"] = t => t.IndicateMissingValues("M", "Height").Append(t.Conversion.ConvertType("X", "M", DataKind.Single)),
        ["OneHotEncoding Indicator"] = t => t.Categorical.OneHotEncoding("X", "Colour"),
        ["OneHotEncoding Bag"] = t => t.Categorical.OneHotEncoding("X", "Colour", OneHotEncodingEstimator.OutputKind.Bag),
        ["OneHotEncoding Key"] = t => t.Categorical.OneHotEncoding("K", "Colour", OneHotEncodingEstimator.OutputKind.Key).Append(t.Conversion.MapKeyToVector("X", "K")),
        ["OneHotEncoding Indicator of a vector"] = t => t.Categorical.OneHotEncoding("X", "Tags"),
        ["OneHotEncoding Bag of a vector"] = t => t.Categorical.OneHotEncoding("X", "Tags", OneHotEncodingEstimator.OutputKind.Bag),
        ["OneHotEncoding in place"] = t => t.CopyColumns("X", "Colour").Append(t.Categorical.OneHotEncoding("X")),
        ["OneHotEncoding of whole numbers"] = t => t.Categorical.OneHotEncoding("X", "Count"),
        ["OneHotEncoding of uint"] = t => t.Categorical.OneHotEncoding("X", "Natural"),
        ["OneHotEncoding of truth values"] = t => t.Categorical.OneHotEncoding("X", "Flag"),
        ["OneHotHashEncoding of whole numbers"] = t => t.Categorical.OneHotHashEncoding("X", "Count", numberOfBits: 4),
        ["Hash of uint"] = t => t.Conversion.Hash("K", "Natural", 4).Append(t.Conversion.MapKeyToVector("X", "K")),
        ["Hash of truth values"] = t => t.Conversion.Hash("K", "Flag", 4).Append(t.Conversion.MapKeyToVector("X", "K")),
        ["Hash of short"] = t => t.Conversion.Hash("K", "Small", 4).Append(t.Conversion.MapKeyToVector("X", "K")),
        ["Hash of long"] = t => t.Conversion.Hash("K", "Big", 4).Append(t.Conversion.MapKeyToVector("X", "K")),
        ["MapKeyToVector Bag of a vector"] = t => t.Conversion.MapValueToKey("K", "Tags").Append(t.Conversion.MapKeyToVector("X", "K", outputCountVector: true)),
        ["MapKeyToValue"] = t => t.Conversion.MapValueToKey("K", "Colour").Append(t.Conversion.MapKeyToValue("V", "K")).Append(t.Categorical.OneHotEncoding("X", "V")),
        ["MapKeyToValue of numbers"] = t => t.Conversion.MapValueToKey("K", "Count").Append(t.Conversion.MapKeyToValue("V", "K")).Append(t.Conversion.ConvertType("X", "V", DataKind.Single)),
        ["MapKeyToValue of floats"] = t => t.Conversion.MapValueToKey("K", "Grade").Append(t.Conversion.MapKeyToValue("V", "K")).Append(t.ReplaceMissingValues("X", "V")),
        ["MapKeyToValue of truth values"] = t => t.Conversion.MapValueToKey("K", "Flag").Append(t.Conversion.MapKeyToValue("V", "K")).Append(t.Conversion.ConvertType("X", "V", DataKind.Single)),
        ["Hash of keys"] = t => t.Conversion.MapValueToKey("V", "Colour").Append(t.Conversion.Hash("K", "V", 4)).Append(t.Conversion.MapKeyToVector("X", "K")),
        ["ConvertType of int"] = t => t.Conversion.ConvertType("X", "Count", DataKind.Single),
        ["ConvertType of long"] = t => t.Conversion.ConvertType("X", "Big", DataKind.Single),
        ["ConvertType of short"] = t => t.Conversion.ConvertType("X", "Small", DataKind.Single),
        ["ConvertType of uint"] = t => t.Conversion.ConvertType("X", "Natural", DataKind.Single),
        ["ConvertType of double"] = t => t.Conversion.ConvertType("X", "Prices", DataKind.Single),
        ["ConvertType of bool"] = t => t.Conversion.ConvertType("X", "Flag", DataKind.Single),
        ["ConvertType of int to long"] = t => t.Conversion.ConvertType("V", "Count", DataKind.Int64).Append(t.Conversion.ConvertType("X", "V", DataKind.Single)),
        ["ConvertType of float to double"] = t => t.Conversion.ConvertType("V", "Sizes", DataKind.Double).Append(t.Conversion.ConvertType("X", "V", DataKind.Single)),
        ["CopyColumns"] = t => t.CopyColumns("X", "Sizes"),
        ["SelectColumns"] = t => t.CopyColumns("X", "Sizes").Append(t.SelectColumns("X", "Label")),
        ["DropColumns"] = t => t.CopyColumns("X", "Sizes").Append(t.DropColumns("Sizes", "Colour")),
        ["SelectFeaturesBasedOnCount"] = t => t.Categorical.OneHotEncoding("V", "Colour").Append(t.FeatureSelection.SelectFeaturesBasedOnCount("X", "V", 30)),
        ["SelectFeaturesBasedOnMutualInformation"] = t => t.FeatureSelection.SelectFeaturesBasedOnMutualInformation("X", "Sizes", slotsInOutput: 2),
        ["MapValue to floats"] = t => t.Conversion.MapValue("X", new Dictionary<string, float> { ["red"] = 1.5f, ["green"] = -2 }, "Colour"),
        ["MapValue to doubles"] = t => t.Conversion.MapValue("V", new Dictionary<string, double> { ["red"] = 1.5, ["green"] = -2 }, "Colour").Append(t.Conversion.ConvertType("X", "V", DataKind.Single)),
        ["MapValue to whole numbers"] = t => t.Conversion.MapValue("V", new Dictionary<string, int> { ["red"] = 5, ["green"] = -2 }, "Colour").Append(t.Conversion.ConvertType("X", "V", DataKind.Single)),
        ["MapValue of int to float"] = t => t.Conversion.MapValue("X", new Dictionary<int, float> { [1] = 5, [-2] = -2 }, "Count"),
        ["MapValue of bool to float"] = t => t.Conversion.MapValue("X", new Dictionary<bool, float> { [true] = 5, [false] = -2 }, "Flag"),
        ["MapValue to texts"] = t => t.Conversion.MapValue("V", new Dictionary<int, string> { [1] = "one", [2] = "two" }, "Count").Append(t.Categorical.OneHotEncoding("X", "V")),
        ["PrincipalComponents"] = t => t.ProjectToPrincipalComponents("X", "Sizes", rank: 2),
        ["Columns named as the hooks name values"] = t => t.CopyColumns("CastOutput", "Height").Append(t.CopyColumns("LabelEncoderOutput", "Weight")).Append(t.CopyColumns("VectorFeaturizerOutput", "Sizes"))
            .Append(t.Categorical.OneHotEncoding("Cast", "Colour")).Append(t.Categorical.OneHotEncoding("encoded", "Tags", OneHotEncodingEstimator.OutputKind.Bag)).Append(t.Concatenate("X", "encoded", "Cast", "CastOutput", "LabelEncoderOutput", "VectorFeaturizerOutput")),
    };

    /// <summary>Those that are refused, with the transformer that the message names.</summary>
    private static readonly Dictionary<string, (string Transformer, Estimator Make)> Refused = new()
    {
        ["NormalizeLogMeanVariance"] = ("NormalizingTransformer", t => t.NormalizeLogMeanVariance("X", "Sizes")),
        ["NormalizeBinning"] = ("NormalizingTransformer", t => t.NormalizeBinning("X", "Sizes")),
        ["NormalizeSupervisedBinning"] = ("NormalizingTransformer", t => t.NormalizeSupervisedBinning("X", "Sizes", "Flag")),
        ["NormalizeMinMax of doubles"] = ("NormalizingTransformer", t => t.NormalizeMinMax("V", "Prices").Append(t.Conversion.ConvertType("X", "V", DataKind.Single))),
        ["NormalizeLpNorm StandardDeviation"] = ("LpNormNormalizingTransformer", t => t.NormalizeLpNorm("X", "Sizes", LpNormNormalizingEstimatorBase.NormFunction.StandardDeviation)),
        ["NormalizeLpNorm L2 of mean 0"] = ("LpNormNormalizingTransformer", t => t.NormalizeLpNorm("X", "Sizes", ensureZeroMean: true)),
        ["NormalizeGlobalContrast"] = ("LpNormNormalizingTransformer", t => t.NormalizeGlobalContrast("X", "Sizes")),
        ["NormalizeGlobalContrast scaled alone"] = ("LpNormNormalizingTransformer", t => t.NormalizeGlobalContrast("X", "Sizes", ensureZeroMean: false, ensureUnitStandardDeviation: false, scale: 3)),
        ["ReplaceMissingValues of doubles"] = ("MissingValueReplacingTransformer", t => t.ReplaceMissingValues("V", "Prices").Append(t.Conversion.ConvertType("X", "V", DataKind.Single))),
        ["IndicateMissingValues of doubles"] = ("MissingValueIndicatorTransformer", t => t.IndicateMissingValues("V", "Prices").Append(t.Conversion.ConvertType("X", "V", DataKind.Single))),
        ["OneHotEncoding Binary"] = ("OneHotEncodingTransformer, of it KeyToBinaryVectorMappingTransformer", t => t.Categorical.OneHotEncoding("X", "Colour", OneHotEncodingEstimator.OutputKind.Binary)),
        ["OneHotHashEncoding of texts"] = ("OneHotHashEncodingTransformer, of it HashingTransformer", t => t.Categorical.OneHotHashEncoding("X", "Colour", numberOfBits: 4)),
        ["Hash of a vector"] = ("HashingTransformer", t => t.Conversion.Hash("V", "Sizes", 4).Append(t.Conversion.MapKeyToVector("X", "V"))),
        ["Hash of numbers"] = ("HashingTransformer", t => t.Conversion.Hash("V", "Height", 4).Append(t.Conversion.MapKeyToVector("X", "V"))),
        ["Concatenate of truth values"] = ("ColumnConcatenatingTransformer", t => t.Concatenate("V", "Flag", "Flag").Append(t.Conversion.ConvertType("X", "V", DataKind.Single))),
        ["ConvertType of text"] = ("TypeConvertingTransformer", t => t.Conversion.ConvertType("X", "Digits", DataKind.Single)),
        ["ConvertType to a narrower type"] = ("TypeConvertingTransformer", t => t.Conversion.ConvertType("V", "Big", DataKind.Int16).Append(t.Conversion.ConvertType("X", "V", DataKind.Single))),
        ["ConvertType of a key"] = ("TypeConvertingTransformer", t => t.Conversion.MapValueToKey("K", "Colour").Append(t.Conversion.ConvertType("V", "K", DataKind.UInt64)).Append(t.Conversion.MapKeyToVector("X", "V"))),
        ["MapValueToKey of doubles"] = ("ValueToKeyMappingTransformer", t => t.Conversion.MapValueToKey("K", "Rate").Append(t.Conversion.MapKeyToVector("X", "K"))),
        ["MapValue of texts to texts"] = ("ValueMappingTransformer", t => t.Conversion.MapValue("V", new Dictionary<string, string> { ["red"] = "rouge" }, "Colour").Append(t.Categorical.OneHotEncoding("X", "V"))),
        ["MapValue of real numbers"] = ("ValueMappingTransformer", t => t.Conversion.MapValue("X", new Dictionary<float, float> { [0.3f] = 1 }, "Grade")),
        ["NormalizeText"] = ("TextNormalizingTransformer", t => t.Text.NormalizeText("V", "Colour", keepDiacritics: true).Append(t.Categorical.OneHotEncoding("X", "V"))),
        ["FeaturizeText"] = ("TextNormalizingTransformer", t => t.Text.FeaturizeText("X", "Words")),
        ["ProduceWordBags"] = ("WordTokenizingTransformer", t => t.Text.ProduceWordBags("X", "Words")),
        ["TokenizeIntoWords, ProduceNgrams"] = ("WordTokenizingTransformer", t => t.Text.TokenizeIntoWords("V", "Words").Append(t.Conversion.MapValueToKey("V")).Append(t.Text.ProduceNgrams("X", "V"))),
        ["TokenizeIntoCharacters"] = ("TokenizingByCharactersTransformer", t => t.Text.TokenizeIntoCharactersAsKeys("V", "Words").Append(t.Text.ProduceNgrams("X", "V"))),
        ["ApproximatedKernelMap"] = ("ApproximatedKernelTransformer", t => t.ApproximatedKernelMap("X", "Sizes", rank: 3)),
        ["Expression"] = ("ExpressionTransformer", t => t.Expression("X", "x => x + 1", "Height")),
        ["CustomMapping"] = ("CustomMappingTransformer", t => t.CustomMapping<PipelineRow, MappedRow>((from, to) => to.X = from.Height, null)),
    };

    private sealed class MappedRow
    {
        public float X { get; set; }
    }

    public static TheoryData<string> RefusedNames => [.. Refused.Keys];

    [Theory, MemberData(nameof(RefusedNames))]
    public void A_transform_without_a_right_ONNX_form_is_refused_by_its_name(string name)
    {
        var (transformer, make) = Refused[name];
        var model = Fit(make);
        var schema = _context.Data.LoadFromEnumerable(PipelineRows.Known(1)).Schema;

        FluentActions.Invoking(() => _context.Model.SaveOnnx(model, schema, Stream.Null)).Should().Throw<OnnxExportException>()
            .WithMessage($"*{transformer}, which makes *, cannot be exported: *apply it to the data before*");
    }

    public static TheoryData<string> ExportedNames => [.. Exported.Keys];

    [Theory, MemberData(nameof(ExportedNames))]
    public void The_file_gives_what_ML_NET_gives(string name)
    {
        var model = Fit(Exported[name]);
        foreach (var opset in new[] { 13, 17, 18, 21 })
        {
            ShouldAgree(model, opset);
        }
    }

    internal static ITransformer Fit(Estimator before)
    {
        var data = _context.Data.LoadFromEnumerable(PipelineRows.Known());
        return before(_context.Transforms).Append(_context.Transforms.Concatenate("Features", "X"))
            .Append(_context.Regression.Trainers.Fnn(new FnnRegressionTrainer.Options { Epochs = 3, HiddenSizes = [6], Activation = Activation.Identity, Seed = 1 })).Fit(data);
    }

    private static void ShouldAgree(ITransformer model, int opset)
    {
        var rows = PipelineRows.Later();
        var data = _context.Data.LoadFromEnumerable(rows);
        using var stream = new MemoryStream();
        _context.Model.SaveOnnx(model, data.Schema, stream, new OnnxExportOptions { Opset = opset });
        using var session = OnnxCases.Open(stream.ToArray());
        var expected = Numbers(PipelineRows.Values(model.Transform(data), "Score"));
        var actual = Numbers(PipelineRows.Run(session, data)["Score.output"]);

        actual.Should().HaveSameCount(expected);
        var largest = expected.Where(double.IsFinite).Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
        {
            (double.IsFinite(expected[i]) ? Math.Abs(actual[i] - expected[i]) <= 1e-5 * largest : !double.IsFinite(actual[i])).Should().BeTrue("row {0} is {1} by ML.NET, {2} by ONNX Runtime at opset {3}", i, expected[i], actual[i], opset);
        }
        // In other batches a row gives the same.
        foreach (var batch in new[] { rows[..1], rows[1..2], rows[2..9], [.. rows.Reverse()] })
        {
            var other = Numbers(PipelineRows.Run(session, _context.Data.LoadFromEnumerable(batch))["Score.output"]);
            other.Should().Equal(batch.Select(row => actual[Array.IndexOf(rows, row)]), (a, b) => a.Equals(b) || Math.Abs(a - b) <= 1e-6 * largest);
        }
    }

    private static double[] Numbers(object[] values) => [.. values.Select(value => Convert.ToDouble(value, CultureInfo.InvariantCulture))];
}

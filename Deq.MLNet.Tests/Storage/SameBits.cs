namespace Deq.MLNet.Tests.Storage;

/// <summary>Equality of networks to the last bit: -0, NaN payloads and denormals count.</summary>
internal static class SameBits
{
    public static void Assert(Network actual, Network expected)
    {
        actual.GetType().Should().Be(expected.GetType());
        (actual.Activation, actual.Link, actual.InputSize, actual.OutputSize).Should().Be((expected.Activation, expected.Link, expected.InputSize, expected.OutputSize));
        if (expected is FnnNetwork fnn)
        {
            var layers = ((FnnNetwork)actual).Layers;
            layers.Should().HaveSameCount(fnn.Layers);
            for (var i = 0; i < layers.Count; i++)
            {
                Assert(layers[i].Weights.Span, fnn.Layers[i].Weights.Span);
                Assert(layers[i].Bias.Span, fnn.Layers[i].Bias.Span);
            }
            return;
        }
        var (a, e) = ((DeqNetwork)actual, (DeqNetwork)expected);
        var (actualArrays, expectedArrays) = (a.Weights.Arrays.ToList(), e.Weights.Arrays.ToList());
        actualArrays.Select(array => array.Name).Should().Equal(expectedArrays.Select(array => array.Name));
        foreach (var (left, right) in actualArrays.Zip(expectedArrays))
        {
            Assert(left.Values.Span, right.Values.Span);
        }
        a.Scoring.Should().Be(e.Scoring);
        a.Certificate.Should().Be(e.Certificate);
        a.UnrollCurves.Count.Should().Be(e.UnrollCurves.Count);
        foreach (var (left, right) in a.UnrollCurves.Zip(e.UnrollCurves))
        {
            (left.Form, left.Rows, left.Scale, left.StateGain).Should().Be((right.Form, right.Rows, right.Scale, right.StateGain));
            Assert([.. left.MaxErrors], [.. right.MaxErrors]);
            Assert([.. left.MeanErrors], [.. right.MeanErrors]);
        }
    }

    private static void Assert(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected) =>
        actual.ToArray().Bits().Should().Equal(expected.ToArray().Bits());
}

using CsCheck;
using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class ConstructionsTests
{
    private static readonly Construction[] All =
    [
        .. Enumerable.Range(1, 12).Select(Families.MostPieces), Families.ShortSawtooth(1), Families.ShortSawtooth(10), Families.BoundedSawtooth(1), Families.BoundedSawtooth(10),
        Families.ContractingSawtooth(1), Families.ContractingSawtooth(5), Families.ResonantRamp(6), Families.ResonantRamp(20), Families.DoublingRamp(6), Families.DoublingRamp(20),
    ];

    [Fact]
    public void They_are_their_functions_in_float64()
    {
        foreach (var construction in All)
        {
            foreach (var x in new Random(1).GetItems(Enumerable.Range(0, 65_537).ToArray(), 50).Select(i => (float)(construction.Low + i / 65_536.0 * (construction.High - construction.Low))))
            {
                construction.Network.EvaluateFloat64([x])[0].Should().BeApproximately(construction.Target(x), 1e-9, "{0} at {1}", construction.Name, x);
            }
        }
    }

    [Fact]
    public void They_have_the_pieces_that_they_are_said_to_have()
    {
        foreach (var construction in All)
        {
            var pieces = LinearPieces.Of(construction.Network, construction.Low, construction.High);
            pieces.Should().HaveCount(construction.Pieces, construction.Name);
            // Between the ends of a piece the function is the line through them.
            foreach (var piece in pieces.Where((_, i) => i % 97 == 0))
            {
                ((construction.Target(piece.High) - construction.Target(piece.Low)) / (piece.High - piece.Low)).Should().BeApproximately(piece.Slope, 1e-9 * (1 + Math.Abs(piece.Slope)), construction.Name);
            }
        }
    }

    [Fact]
    public void Weights_are_bounded_where_they_are_said_to_be()
    {
        Families.BoundedSawtooth(10).LargestWeight.Should().Be(4);
        Families.BoundedSawtooth(10).RowSum.Should().Be(6);
        Families.ContractingSawtooth(10).RowSum.Should().BeLessThan(0.9);
        Families.ResonantRamp(20).LargestWeight.Should().Be(1);
        Families.DoublingRamp(20).LargestWeight.Should().Be(2);
        // What a row sum of just 0.9 costs: 6 / 0.9 and more for each tooth, 2 / 0.9 + 4 / 0.81.
        Families.CostOfContraction(1, 0.9).Should().BeApproximately((2 + 4 / 0.9) / 0.9, 1e-12);
        Families.CostOfContraction(3, 0.9).Should().BeApproximately(Math.Pow((2 + 4 / 0.9) / 0.9, 3), 1e-9);
    }

    [Fact]
    public void Pieces_of_random_triangular_cells_are_lines_from_end_to_end() => Gen.Select(Gen.Int[1, 6], Gen.Int[0, 1_000_000]).Sample((m, seed) =>
    {
        var random = new Random(seed);
        float[] Values(int count) => RandomCell.Values(random, count, 1);
        var network = new DeqNetwork([.. Values(m * m).Select((w, i) => i % m < i / m ? w : i % m == i / m ? w / 8 : 0)], Values(m), Values(m), Values(m), [0], Activation.ReLU);
        var pieces = LinearPieces.Of(network, -2, 2);
        pieces[0].Low.Should().Be(-2);
        pieces[^1].High.Should().Be(2);
        for (var i = 0; i < pieces.Count; i++)
        {
            // A kink that was missed would lie between two of these points.
            float At(double share) => (float)((1 - share) * pieces[i].Low + share * pieces[i].High);
            foreach (var (low, high) in ((float, float)[])[(At(0.01), At(0.2)), (At(0.2), At(0.4)), (At(0.4), At(0.6)), (At(0.6), At(0.8)), (At(0.8), At(0.99))])
            {
                if (high - low > 1e-3)
                {
                    ((network.EvaluateFloat64([high])[0] - network.EvaluateFloat64([low])[0]) / ((double)high - low)).Should().BeApproximately(pieces[i].Slope, 1e-6 * (1 + Math.Abs(pieces[i].Slope)));
                }
            }
            if (i > 0)
            {
                pieces[i].Low.Should().Be(pieces[i - 1].High);
                pieces[i].Slope.Should().NotBe(pieces[i - 1].Slope);
            }
        }
    }, iter: LongForm.Times(200));

    [Fact]
    public void Bounds_of_feed_forward_networks_follow_from_their_pieces()
    {
        FnnBounds.Width(12, 3).Should().Be(15);
        FnnBounds.MostPieces(15, 3).Should().Be(4096);
        FnnBounds.SquaredError(1, 5).Should().BeApproximately(Sawtooth.ConstantError, 1e-15);
        FnnBounds.SquaredError(17, 5).Should().Be(0);
        // Two weights of w around a layer of k units make a slope of k w^2.
        FnnBounds.Weight(1.0 / 64, 10, 1).Should().BeApproximately(Math.Sqrt(6.4), 1e-12);
    }
}

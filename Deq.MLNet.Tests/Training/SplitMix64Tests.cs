using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

public sealed class SplitMix64Tests
{
    /// <summary>The first five of the published generator from 1234567.</summary>
    [Fact]
    public void Numbers_are_those_of_the_generator()
    {
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        expected.Select((_, i) => SplitMix64.Mix(1234567, (ulong)i)).Should().Equal(expected);
        SplitMix64.Mix(1234567 + SplitMix64.Step).Should().Be(expected[1]);
    }
}

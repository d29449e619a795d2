using System.Runtime.CompilerServices;

namespace Deq.MLNet.Training;

/// <summary>Numbers made of others with which they have nothing to do (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the same on every device, and in any order.</summary>
internal static class SplitMix64
{
    /// <summary>From one state of the generator to the next.</summary>
    public const ulong Step = 0x9E3779B97F4A7C15;

    /// <summary>The number that a generator of this state gives after so many others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Mix(ulong state, ulong number = 0)
    {
        var x = state + (number + 1) * Step;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
        x = (x ^ x >> 27) * 0x94D049BB133111EB;
        return x ^ x >> 31;
    }
}

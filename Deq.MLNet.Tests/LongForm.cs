namespace Deq.MLNet.Tests;

/// <summary>How long property tests run: as given, or twenty times as long under <c>.ci/run --full</c>, which sets DEQ_FULL.</summary>
internal static class LongForm
{
    public static int Times(int iterations) => Environment.GetEnvironmentVariable("DEQ_FULL") == "1" ? 20 * iterations : iterations;
}

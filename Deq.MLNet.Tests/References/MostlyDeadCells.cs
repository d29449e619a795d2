namespace Deq.MLNet.Tests.References;

/// <summary>Monotone cells of 32 states, m = 0.05 or 0.1, with injections so far below zero that ReLU leaves few states alive.</summary>
internal static class MostlyDeadCells
{
    private static readonly double[] Margins = [0.05, 0.1];

    private static readonly int[] Shifts = [1, 2, 3];

    public static IEnumerable<(float[] W, float[] U)> Of(int cells) =>
        from seed in Enumerable.Range(0, cells)
        from m in Margins
        from shift in Shifts
        let problem = new CellProblem(CellKind.Monotone, 32, 1 - m, Activation.ReLU, seed)
        select (problem.W, problem.U.Select(v => v - shift).ToArray());
}

using System.Numerics;
using System.Runtime.Intrinsics;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>Eight rows that are solved together: they leave when the last of them is done. One that is not finite any more is given up, and the others go on.</summary>
internal unsafe struct Group
{
    private StoppingRule _rule;
    private float _floor, _relative;
    private Vector256<float> _residuals, _norms;

    /// <summary>The iterate, 8 rows.</summary>
    public float* Z;

    /// <summary>The map of it; the two take turns.</summary>
    public float* F;

    /// <summary>Whether the next iterate is mixed from the last ones.</summary>
    public bool Mixes;

    /// <summary>The worst residuals of the last four tests, the newest first.</summary>
    public (double Now, double One, double Two, double Three) Residuals;

    /// <summary>Whether residuals have risen: from then on the best iterate is kept.</summary>
    public bool HasRisen { readonly get; private set; }

    /// <summary>Whether the last test found the best iterate since residuals rose, which is to be kept.</summary>
    public bool IsToBeKept { readonly get; private set; }

    /// <summary>What the last test said of the iterate that is kept.</summary>
    public (double Residual, uint Unmet, uint Lost) Kept { readonly get; private set; }

    /// <summary>Whether all rows are done.</summary>
    public readonly bool IsDone => Status is not null;

    /// <summary>How the worst row ended; null while there is one that is not done.</summary>
    public SolveStatus? Status { readonly get; private set; }

    /// <summary>Tests so far.</summary>
    public readonly int Iterations => _rule.Iterations;

    /// <summary>Rows of the eight that do not meet the tolerance, one bit each.</summary>
    public uint Unmet { readonly get; private set; }

    /// <summary>Rows that are not finite, one bit each.</summary>
    public uint Lost { readonly get; private set; }

    /// <summary>The row of the largest residual.</summary>
    public int WorstRow { readonly get; private set; }

    public void Begin(float* z, float* f, Tolerance tolerance)
    {
        this = default;
        (_rule, _floor, _relative) = (new StoppingRule(tolerance), (float)(tolerance.Absolute / tolerance.Relative), (float)tolerance.Relative);
        Residuals = (double.NaN, double.NaN, double.NaN, double.NaN);
        Z = z;
        F = f;
    }

    public void Swap()
    {
        var z = Z;
        Z = F;
        F = z;
    }

    /// <summary>Judges the rows.</summary>
    /// <param name="iteration">From 1.</param>
    /// <param name="squares">The sums of (f - z)^2, by row.</param>
    /// <param name="norms">The sums of f^2.</param>
    /// <param name="size">d.</param>
    /// <param name="stride">From row to row.</param>
    /// <returns>Whether to ask whether rounding alone is left.</returns>
    public bool Test(int iteration, Vector256<float> squares, Vector256<float> norms, int size, int stride)
    {
        var (distance, norm) = (Vector256.Sqrt(squares), Vector256.Sqrt(norms));
        if (!Vector256.LessThanAll(Vector256.Max(squares, norms), Vector256.Create(1e36f)) || !Vector256.GreaterThanAll(norms, Vector256.Create(1e-30f)))
        {
            (distance, norm) = Measure(size, stride);
        }
        var residuals = distance / (norm + Vector256.Create(_floor));
        var finite = Vector256.LessThan(residuals, Vector256.Create(float.PositiveInfinity)) & Vector256.LessThan(norm, Vector256.Create(float.PositiveInfinity));
        Lost = ~Vector256.ExtractMostSignificantBits(finite) & 0xFF;
        Unmet = ~Vector256.ExtractMostSignificantBits(Vector256.LessThanOrEqual(residuals, Vector256.Create(_relative))) & 0xFF;
        residuals = Vector256.ConditionalSelect(finite, residuals, Vector256.Create(-1f));
        var half = Vector128.Max(residuals.GetLower(), residuals.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(1, 0, 3, 2)));
        WorstRow = BitOperations.TrailingZeroCount(Vector256.ExtractMostSignificantBits(Vector256.Equals(residuals, Vector256.Create(half, half))));
        Status = _rule.Test(iteration, distance[WorstRow], norm[WorstRow]);
        Residuals = (half[0], Residuals.Now, Residuals.One, Residuals.Two);
        (_residuals, _norms) = (residuals, norm);
        if (Status == SolveStatus.Converged)
        {
            // The rule judges in float64: one that it lets pass in float32 is not to be called unsolved.
            Unmet = Lost;
            return false;
        }
        Weigh();
        return Status is null && _rule.IsOutOfPatience;
    }

    /// <summary>Ends the search where all residuals of late are as small as rounding makes them, and those of all rows now.</summary>
    /// <param name="roundingErrors">Of each row at this iterate; read where it does not meet the tolerance.</param>
    public void EndAtPrecisionLimit(ReadOnlySpan<double> roundingErrors)
    {
        var all = true;
        for (var row = 0; row < 8; row++)
        {
            all &= (Unmet & ~Lost & 1u << row) == 0 || _residuals[row] <= _rule.PrecisionLimit(roundingErrors[row], _norms[row]);
        }
        if (_rule.IsAtPrecisionLimit(roundingErrors[WorstRow], _norms[WorstRow]) && all)
        {
            (Status, Unmet) = (SolveStatus.AtPrecisionLimit, Lost);
        }
    }

    public void EndAtCap() => Status ??= SolveStatus.IterationLimit;

    /// <summary>How the first of the rows were solved, of which padding does not count.</summary>
    public readonly BlockSolution Solution(int rows)
    {
        var counted = (1u << rows) - 1;
        return new BlockSolution(Iterations, (long)Tile.Rows * Iterations, (Lost & counted) != 0 ? double.PositiveInfinity : Residuals.Now, BitOperations.PopCount(Unmet & counted));
    }

    /// <summary>Takes the iterate that was kept for that of the last test; its vectors are copied by the caller.</summary>
    public void TakeKept() => (Residuals.Now, Unmet, Lost) = Kept;

    /// <summary>Whether an iterate that was kept is better than that of the last test.</summary>
    public readonly bool KeptIsBetter => HasRisen && Status is SolveStatus.IterationLimit or SolveStatus.Diverged && (Status == SolveStatus.Diverged || Kept.Residual < Residuals.Now);

    /// <summary>Where residuals fall from test to test, as they nearly always do, nothing need be kept.</summary>
    private void Weigh()
    {
        IsToBeKept = Lost != 0xFF && (HasRisen ? Residuals.Now < Kept.Residual : !_rule.IsBest);
        if (IsToBeKept)
        {
            (HasRisen, Kept) = (true, (Residuals.Now, Unmet, Lost));
        }
    }

    /// <summary>With care for squares that leave the range.</summary>
    private readonly (Vector256<float> Distance, Vector256<float> Norm) Measure(int size, int stride)
    {
        var both = stackalloc float[16];
        for (var row = 0; row < 8; row++)
        {
            ReadOnlySpan<float> z = new(Z + row * stride, size), f = new(F + row * stride, size);
            both[row] = (float)Kernels.Distance(f, z);
            both[row + 8] = (float)Kernels.Norm(f);
        }
        return (Vector256.Load(both), Vector256.Load(both + 8));
    }
}

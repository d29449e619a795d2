using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

/// <summary>Every form of vectors does to each number what float32 arithmetic does to one.</summary>
public sealed unsafe class WideTests
{
    private static readonly float[] Special = [0, -0f, 1, -1, 0.5f, 3, -7.25f, 1e-30f, -1e30f, 1e-45f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 88, -88];

    [Fact]
    public void Sixteen_floats() => Check<Wide512>(16);

    [Fact]
    public void Eight_floats() => Check<Wide256>(8);

    [Fact]
    public void Four_floats() => Check<Wide128>(4);

    [Fact]
    public void The_best_form_is_one_that_the_machine_has_instructions_for() =>
        ((int)Tile.Best).Should().Be(System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? 16 : System.Runtime.Intrinsics.Vector256.IsHardwareAccelerated ? 8 : 4);

    private static void Check<T>(int count) where T : unmanaged, IWide<T>
    {
        T.Count.Should().Be(count);
        Binary<T>((a, b) => a + b, (a, b) => a + b);
        Binary<T>((a, b) => a - b, (a, b) => a - b);
        Binary<T>((a, b) => a * b, (a, b) => a * b);
        Binary<T>((a, b) => a / b, (a, b) => a / b);
        // Where a alone is NaN, machines differ.
        Binary<T>(T.Max, (a, b) => float.IsNaN(a) && !float.IsNaN(b) ? null : MathF.Max(a, b));
        Binary<T>(T.Min, (a, b) => MathF.Min(a, b));
        Binary<T>(T.CopySign, (a, b) => MathF.CopySign(a, b));
        Binary<T>((a, b) => T.WhereLess(a, b, T.Create(1), T.Create(2)), (a, b) => a < b ? 1 : 2);
        Binary<T>((a, _) => T.Abs(a), (a, _) => MathF.Abs(a));
        Binary<T>((a, _) => T.Sqrt(a), (a, _) => MathF.Sqrt(a));
        Binary<T>((a, _) => T.Exp(a), (a, _) => (float)Math.Exp(a), 4);
        Binary<T>((a, _) => T.Log(a), (a, _) => (float)Math.Log(a), 4);
        // In one rounding or in two.
        Binary<T>((a, b) => T.MultiplyAdd(a, b, T.Create(0.25f)), (a, b) => MathF.FusedMultiplyAdd(a, b, 0.25f), 1);

        var values = RandomCell.Values(new Random(1), count, 1);
        fixed (float* from = values)
        {
            ((double)T.Sum(T.Load(from))).Should().BeApproximately(values.Sum(v => (double)v), 1e-5);
        }
    }

    private static void Binary<T>(Func<T, T, T> vector, Func<float, float, float?> scalar, int ulps = 0) where T : unmanaged, IWide<T>
    {
        var pairs = Special.SelectMany(a => Special.Select(b => (a, b))).ToArray();
        var (left, right, actual) = (pairs.Select(p => p.a).ToArray(), pairs.Select(p => p.b).ToArray(), new float[pairs.Length]);
        fixed (float* a = left, b = right, y = actual)
        {
            for (var i = 0; i < pairs.Length; i += T.Count)
            {
                T.Store(y + i, vector(T.Load(a + i), T.Load(b + i)));
            }
        }
        for (var i = 0; i < pairs.Length; i++)
        {
            if (scalar(left[i], right[i]) is not { } expected)
            {
                continue;
            }
            var close = actual[i].Equals(expected) || Math.Abs((double)actual[i] - expected) <= ulps * (double)(MathF.BitIncrement(MathF.Abs(expected)) - MathF.Abs(expected));
            close.Should().BeTrue("{0} of {1} and {2} should be {3} and is {4}", vector.Method.Name, left[i], right[i], expected, actual[i]);
        }
    }
}

using CsCheck;
using static Deq.MLNet.Tests.Training.Torch.Projections.ProjectionTests;

namespace Deq.MLNet.Tests.Training.Torch.Projections;

/// <summary>Projections that go to the nearest W that obeys: against closed forms, conditions of optimality, and points that obey too.</summary>
public sealed class NearestPointTests
{
    [Theory]
    [InlineData(new[] { 1f, 0, 0, 0.25f }, new[] { 0.5f, 0, 0, 0.25f })]
    [InlineData(new[] { 0.5f, 0.25f, -0.5f, 0.5f }, new[] { 0.375f, 0.125f, -0.25f, 0.25f })]
    [InlineData(new[] { -3f, 2.75f, 0, 100 }, new[] { -0.375f, 0.125f, 0, 0.5f })]
    public void Rows_of_two_states_go_to_the_l1_ball_by_hand(float[] w, float[] expected)
    {
        TorchBackend.EnsureAvailable();
        Project("cpu", WellPosedness.InfinityNorm(0.5f), w, 2).W.LargestDifference(expected).Should().BeLessThan(1e-5);
    }

    /// <summary>The conditions of Karush, Kuhn and Tucker: what stays has lost the same, what is gone was no more than that, and the row is at its bound.</summary>
    [Theory, OnDevices]
    public void A_row_that_leaves_the_l1_ball_comes_to_its_nearest_point(string device)
    {
        TorchBackend.EnsureAvailable(device);
        (from size in Gen.Int[1, 48]
         from scale in Gen.OneOfConst(0.1, 1, 10, 1e3)
         from activation in Gen.OneOfConst(Activation.ReLU, Activation.GELU)
         from seed in Gen.Int[0, 1_000_000]
         select (size, scale, activation, seed)).Sample(c =>
        {
            var limit = 0.95f / Phi.Lipschitz(c.activation);
            var w = RandomCell.Values(new Random(c.seed), c.size * c.size, c.scale);
            var projected = Project(device, WellPosedness.InfinityNorm(), w, c.size, c.activation).W;

            foreach (var (row, after) in w.Chunk(c.size).Zip(projected.Chunk(c.size)))
            {
                if (row.Sum(v => Math.Abs((double)v)) < limit * (1 - 1e-4))
                {
                    after.Should().Equal(row);
                    continue;
                }
                var rounding = 3e-5 * (limit + row.Max(Math.Abs));
                after.Sum(v => Math.Abs((double)v)).Should().BeInRange(limit * (1 - 1e-4) - rounding, limit);
                var losses = row.Zip(after).Where(pair => pair.Second != 0).Select(pair => Math.Abs((double)pair.First) - Math.Abs((double)pair.Second)).ToArray();
                (losses.Max() - losses.Min()).Should().BeLessThan(rounding);
                row.Zip(after).Should().OnlyContain(pair => pair.Second == 0 || Math.Sign(pair.Second) == Math.Sign(pair.First));
                row.Zip(after).Should().OnlyContain(pair => pair.Second != 0 || Math.Abs(pair.First) <= losses.Max() + rounding);
            }
        }, iter: LongForm.Times(40), threads: 1);
    }

    [Theory, OnDevices]
    public void Of_a_symmetric_diagonal_W_the_eigenvalues_above_1_minus_m_are_clipped(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Project(device, WellPosedness.Monotone(0.25f), [2, 0, 0, 0, 0.5f, 0, 0, 0, -9], 3).W.LargestDifference([0.75f, 0, 0, 0, 0.5f, 0, 0, 0, -9]).Should().BeLessThan(1e-4);
        // Eigenvalues 3 and -1 of the symmetric part; the skew part of 5 stays.
        Project(device, WellPosedness.Monotone(1), [1, 7, -3, 1], 2).W.LargestDifference([-0.5f, 5.5f, -4.5f, -0.5f]).Should().BeLessThan(1e-4);
    }

    /// <summary>Of a convex set the nearest point P sees W and every point F of the set at an obtuse angle: (W - P) . (F - P) is at most 0.</summary>
    [Theory, OnDevices]
    public void No_monotone_W_is_nearer_than_the_projected_one(string device)
    {
        TorchBackend.EnsureAvailable(device);
        (from size in Gen.Int[1, 20]
         from m in Gen.OneOfConst(0.1f, 0.5f, 1)
         from scale in Gen.OneOfConst(0.5, 3)
         from seed in Gen.Int[0, 1_000_000]
         select (size, m, scale, seed)).Sample(c =>
        {
            var random = new Random(c.seed);
            var w = RandomCell.Values(random, c.size * c.size, c.scale / Math.Sqrt(c.size));
            var p = Linear.ToDouble(Project(device, WellPosedness.Monotone(c.m), w, c.size).W);
            var toW = Linear.ToDouble(w).Zip(p, (a, b) => a - b).ToArray();
            var rounding = 1e-4 * Linear.Norm(toW) * (1 + Linear.Norm(p));

            for (var trial = 0; trial < 10; trial++)
            {
                // Near P and far from it: P moved by any matrix, less what that adds to the largest eigenvalue.
                var moved = p.Zip(RandomCell.Values(random, p.Length, Math.Pow(10, random.Next(-3, 2))), (a, step) => a + step).ToArray();
                var excess = Math.Max(0, RuleReference.LargestOfSymmetricPart(moved, c.size) - (1 - (double)c.m));
                var feasible = moved.Select((v, i) => v - (i % (c.size + 1) == 0 ? excess : 0)).ToArray();
                toW.Zip(feasible.Zip(p, (f, at) => f - at), (a, b) => a * b).Sum().Should().BeLessThanOrEqualTo(rounding + 1e-4 * Linear.Distance(feasible, p) * Linear.Norm(toW), $"{c}");
            }
        }, iter: LongForm.Times(40), threads: 1);
    }

    [Theory, OnDevices]
    public void A_diagonal_is_clipped_and_nothing_else_stays(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Project(device, WellPosedness.Diagonal(0.75f), [0.5f, 9, -9, 2], 2).W.Should().Equal(0.5f, 0, 0, 0.75f);
        var gelu = Project(device, WellPosedness.Diagonal(0.75f), [-4f, 9, -9, float.MaxValue], 2, Activation.GELU).W;
        gelu.Should().Equal(-gelu[3], 0, 0, gelu[3]);
        (Phi.Lipschitz(Activation.GELU) * (double)gelu[3]).Should().BeInRange(0.75 * (1 - 1e-6), 0.75);
    }

    /// <summary>W is scaled as a whole, to no less than its bound and the room for rounding ask.</summary>
    [Theory, OnDevices]
    public void Perron_scales_W_to_its_root_and_no_further(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Gen.Select(Gen.Int[2, 40], Gen.Double[1, 100], Gen.Int[0, 1_000_000]).Sample((size, scale, seed) =>
        {
            var w = RandomCell.Values(new Random(seed), size * size, scale).Select(v => v + 0.5f * Math.Sign(v)).ToArray();
            var projected = Project(device, WellPosedness.Perron(), w, size).W;

            RuleReference.PerronRoot(Linear.ToDouble(projected), size).Should().BeInRange(0.95f * (1 - 5e-3), 0.95f);
            var factor = projected[0] / w[0];
            projected.Zip(w).Should().OnlyContain(pair => Math.Abs(pair.First - factor * pair.Second) <= 1e-6 * Math.Abs(pair.First));
        }, iter: LongForm.Times(40), threads: 1);
        // Its root is the geometric mean of 4 and 1/4, at most 0.95 after scaling; one that cycles between two states is not thought larger.
        Project(device, WellPosedness.Perron(), [0, 4, 0.25f, 0], 2).W.LargestDifference([0, 3.8f, 0.2375f, 0]).Should().BeLessThan(1e-3);
    }
}

namespace Deq.MLNet.Tests.Networks;

/// <summary>What every network promises of Evaluate.</summary>
public class EvaluateTests
{
    private static readonly RandomCell Cell = new RandomCell(19, 7, 3, 0.9, 8).Fill();

    private static readonly Dictionary<string, Network> Networks = new()
    {
        ["deq, plain"] = Cell.Network(Activation.ReLU),
        ["deq, Anderson, tanh"] = Cell.Network(Activation.Tanh, Link.Logistic, new EquilibriumSettings(new Anderson(memory: 20, damping: 0.9f))),
        ["deq, softmax"] = Cell.Network(Activation.ReLU, Link.Softmax, new EquilibriumSettings(new Anderson(memory: 1))),
        ["deq, automatic"] = Cell.Network(Activation.GELU, scoring: new EquilibriumSettings(new Auto())),
        ["deq, Newton"] = Cell.Network(Activation.ReLU, scoring: new EquilibriumSettings(new Newton())),
        ["deq, Peaceman-Rachford"] = Cell.Network(Activation.LeakyReLU, scoring: new EquilibriumSettings(new PeacemanRachford())),
        ["deq, forward-backward"] = Cell.Network(Activation.Identity, scoring: new EquilibriumSettings(new ForwardBackward(), maxIterations: 5_000)),
        ["deq, forward substitution"] = new DeqNetwork([.. Cell.W.Select((w, i) => i % 19 < i / 19 ? w : 0)], Cell.U, Cell.B, Cell.V, Cell.C, Activation.Softplus, scoring: new EquilibriumSettings(new ForwardSubstitution())),
        ["deq, all parts"] = new RandomNetwork(19, 7, 3, 0.7, Activation.GELU, [11, 23], true, true, 5).Network(Link.Exp),
        ["deq, wide encoder"] = new RandomNetwork(3, 7, 3, 0.7, Activation.Softplus, [90], false, false, 5).Network(),
        ["fnn"] = new FnnNetwork(RandomLayers.Of(new Random(3), 7, 31, 13, 3), Activation.Tanh, Link.Exp),
        ["one layer"] = new FnnNetwork(RandomLayers.Of(new Random(4), 7, 3), Activation.ReLU, Link.Softmax),
    };

    public static TheoryData<string> Names => [.. Networks.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_feature_that_is_not_finite_makes_every_output_NaN(string name)
    {
        var network = Networks[name];
        for (var i = 0; i < network.InputSize; i++)
        {
            foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
            {
                var x = Cell.X.ToArray();
                x[i] = bad;
                network.Evaluate(x).Should().OnlyContain(v => float.IsNaN(v));
                if (network is DeqNetwork deq)
                {
                    var z = new float[deq.StateSize];
                    var solution = deq.Solve(x, new float[deq.ScratchSize], z);
                    solution.Should().Be(new RowSolution(SolveStatus.InvalidInput, 0, double.NaN));
                    z.Should().OnlyContain(v => float.IsNaN(v));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_the_scratch_held_does_not_matter(string name)
    {
        var expected = Networks[name].Evaluate(Cell.X);
        expected.Should().OnlyContain(v => float.IsFinite(v));
        Networks[name].Evaluate(Cell.X, float.NaN).Should().Equal(expected);
        Networks[name].Evaluate(Cell.X, 1e30f).Should().Equal(expected);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Spans_of_a_wrong_length_are_refused(string name)
    {
        var network = Networks[name];
        var (x, scratch, y) = (new float[7], new float[network.ScratchSize], new float[3]);
        ((Action)(() => network.Evaluate(new float[8], scratch, y))).Should().Throw<ArgumentException>().WithMessage("x has 8 values; its shape (n) needs 7.*");
        ((Action)(() => network.Evaluate(x, scratch, new float[2]))).Should().Throw<ArgumentException>().WithMessage("y has 2 values; its shape (K) needs 3.*");
        if (scratch.Length > 0)
        {
            ((Action)(() => network.Evaluate(x, scratch.AsSpan(1), y))).Should().Throw<ArgumentException>().WithMessage("scratch has *");
        }
        network.Evaluate(x, scratch, y);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Threads_with_their_own_scratch_get_the_same_bits(string name)
    {
        var network = Networks[name];
        var random = new Random(12);
        var rows = Enumerable.Range(0, 400).Select(_ => RandomCell.Values(random, 7, 1)).ToArray();
        var alone = rows.Select(x => network.Evaluate(x)).ToArray();
        var together = new float[rows.Length][];
        Parallel.For(0, rows.Length, r => together[r] = network.Evaluate(rows[r]));
        for (var r = 0; r < rows.Length; r++)
        {
            together[r].Should().Equal(alone[r]);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluating_allocates_nothing(string name)
    {
        var network = Networks[name];
        var (scratch, y) = (new float[network.ScratchSize], new float[network.OutputSize]);
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);

        void Run()
        {
            for (var i = 0; i < 50; i++)
            {
                network.Evaluate(Cell.X, scratch, y);
            }
        }
    }
}

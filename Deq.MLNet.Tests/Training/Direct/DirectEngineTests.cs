using Deq.MLNet.Networks;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Direct;
using Deq.MLNet.Training.Direct.Cells;
using Deq.MLNet.Training.Simd;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Direct;

public sealed class DirectEngineTests
{
    private static readonly IReadOnlyList<Optimizer> Optimizers = [new LevenbergMarquardt(), new LBfgs(3), new Adam(), new AdamW(), new Sgd(0.5f)];

    private static readonly AnyArchitecture[] Architectures =
    [
        new FnnArchitecture([6, 5], Activation.ReLU, 0), Setup.Deq(6, Activation.ReLU, WellPosedness.StrictlyTriangular), Setup.Deq(6, Activation.Tanh) with { EncoderSizes = [5], SkipConnection = true },
    ];

    public static TheoryData<int, int> Pairs
    {
        get
        {
            var data = new TheoryData<int, int>();
            for (var i = 0; i < Optimizers.Count * Architectures.Length; i++)
            {
                data.Add(i / Architectures.Length, i % Architectures.Length);
            }
            return data;
        }
    }

    private static TrainingSettings Settings(int optimizer, AnyArchitecture architecture) => Setup.Settings(architecture) with
    {
        Optimizer = Optimizers[optimizer],
        BatchSize = Optimizers[optimizer].IsFullBatch ? int.MaxValue : 200,
        Epochs = 6,
        WeightDecay = 1e-3,
    };

    [Theory, MemberData(nameof(Pairs))]
    public void Weights_and_history_are_the_same_bit_for_bit_for_any_number_of_threads(int optimizer, int architecture)
    {
        var rows = Setup.Noise(600, 3, 1, 3, weighted: true);
        (float[] Weights, IEnumerable<TrainingEpoch> Epochs) With(int threads)
        {
            var settings = Settings(optimizer, Architectures[architecture]) with { Threads = threads };
            return Train(settings, rows);
        }

        var (one, three) = (With(1), With(3));

        three.Weights.Should().Equal(one.Weights);
        three.Epochs.Should().Equal(one.Epochs);
    }

    [Theory, MemberData(nameof(Pairs))]
    public void A_training_that_goes_on_ends_with_the_same_bits(int optimizer, int architecture)
    {
        var rows = Setup.Noise(300, 3, 1, 3, weighted: true);
        foreach (var frozen in new[] { 0, 3, 4 })
        {
            var settings = Settings(optimizer, Architectures[architecture]) with { FrozenEpochs = frozen, FrozenUnits = frozen == 0 ? [] : Units(Architectures[architecture]) };
            var whole = Train(settings, rows);
            var start = DirectSetup.Start(settings.Architecture, 3, 1, 5);
            using var half = new DirectEngine(settings, start);
            var done = new TrainingLoop(settings with { Epochs = 3 }, 1, new RecordingMonitor()).Run(half, rows, rows.Select([1, 2, 3]));
            using var rest = new DirectEngine(settings, start);

            var history = new TrainingLoop(settings, 1, new RecordingMonitor()).Run(rest, rows, rows.Select([1, 2, 3]), null,
                new TrainingState(done.Epochs, half.ReadWeights(), half.ReadOptimizer(), null, half.ReadStates()));

            rest.ReadWeights().Should().Equal(whole.Weights);
            Untimed(history).Should().Equal(whole.Epochs);
        }
    }

    [Theory, MemberData(nameof(Pairs))]
    public void Frozen_units_do_not_move_and_others_do(int optimizer, int architecture)
    {
        var settings = Settings(optimizer, Architectures[architecture]) with { FrozenEpochs = 3, FrozenUnits = Units(Architectures[architecture]), MaxWeightNorm = 2 };
        var rows = Setup.Noise(300, 3, 1, 3);
        var start = DirectSetup.Start(settings.Architecture, 3, 1, 5);
        using var engine = DirectSetup.Engine(settings, start, rows);
        var before = engine.Weights();

        var losses = engine.Epochs(1, 3, 300);
        var during = engine.Weights();
        engine.Epochs(4, 12, 300);

        bool[] isFrozen = [.. FrozenOf(settings.Architecture)];
        foreach (var (i, frozen) in isFrozen.Index())
        {
            (during[i] == before[i]).Should().Be(frozen || IsZero(settings.Architecture, i), "of weight {0}", i);
        }
        engine.Weights().Where((w, i) => isFrozen[i] && w != before[i]).Should().NotBeEmpty("later they train");
        losses[^1].Should().BeLessThan(losses[0]);
    }

    private static IReadOnlyList<int> Units(AnyArchitecture architecture) => architecture is DeqArchitecture { EncoderSizes.Count: 0 } ? [2] : [2, 3];

    /// <summary>Of the architectures above, which weights are incoming ones of the first units: 2 of the first layer, 3 of the second.</summary>
    private static IEnumerable<bool> FrozenOf(AnyArchitecture architecture)
    {
        static IEnumerable<bool> Units(int units, int all, int inputs) => Enumerable.Range(0, all * inputs).Select(i => i / inputs < units);
        static IEnumerable<bool> Free(int count) => Enumerable.Repeat(false, count);
        return architecture is FnnArchitecture
            ? [.. Units(2, 6, 3), .. Units(2, 6, 1), .. Units(3, 5, 6), .. Units(3, 5, 1), .. Free(6)]
            : architecture is DeqArchitecture { EncoderSizes.Count: 0 }
                ? [.. Units(2, 6, 6), .. Units(2, 6, 3), .. Units(2, 6, 1), .. Free(7)]
                : [.. Units(3, 6, 6), .. Units(3, 6, 5), .. Units(3, 6, 1), .. Free(7), .. Free(3), .. Units(2, 5, 3), .. Units(2, 5, 1)];
    }

    private static bool IsZero(AnyArchitecture architecture, int weight) => architecture is DeqArchitecture { Rule: StrictlyTriangularRule } && weight < 36 && weight % 6 >= weight / 6;

    [Theory]
    [InlineData("Spectral", false)]
    [InlineData("Perron", false)]
    [InlineData("InfinityNorm", false)]
    [InlineData("Diagonal", false)]
    [InlineData("StrictlyTriangular", false)]
    [InlineData("Spectral", true)]
    [InlineData("Perron", true)]
    [InlineData("InfinityNorm", true)]
    [InlineData("Diagonal", true)]
    public void A_rule_holds_after_every_step_and_frozen_units_stay(string rule, bool isAtBound)
    {
        var architecture = Setup.Deq(6, Activation.Tanh, DirectSetup.Rules[rule]);
        foreach (var optimizer in new Optimizer[] { new LevenbergMarquardt(), new Sgd() })
        {
            // A rate by which W would leave its rule at once.
            var settings = Setup.Settings(architecture) with { Optimizer = optimizer, FrozenEpochs = 4, FrozenUnits = [3] };
            var rows = Setup.Smooth(100, 3, label: y => 30 * y);
            var start = (DeqNetwork)DirectSetup.Start(architecture, 3, 1, 5);
            if (isAtBound && architecture.Rule.Bound is { } limit)
            {
                // Within what is left for rounding: with as much as the limit no other row may read what these do by the 2-norm.
                var most = (float)(limit * (1 - (rule == "Spectral" ? 1e-6 : 1e-7)));
                var w = start.W.ToArray();
                start = architecture.Make(start.Weights with { W = [.. w.Select((v, i) => i >= 18 ? 1e-4f * v : i % 7 == 0 ? most : 0)] }, start.Link);
                architecture.Keeps(start).Should().BeTrue();
            }
            using var engine = DirectSetup.Engine(settings, start, rows);
            var before = engine.Weights();
            engine.Order([.. Enumerable.Range(0, 100)]);
            for (var epoch = 1; epoch <= 14; epoch++)
            {
                engine.BeginEpoch(epoch);
                engine.Step(0, 100, 0.1);
                ((DeqNetwork)engine.ToNetwork()).Certificate.RuleHolds.Should().BeTrue("epoch {0} of {1}", epoch, optimizer);
                var bound = engine.ReadMetrics().ContractionBound;
                (architecture.Rule.Bound is { } most ? bound <= most * (1 + 1e-11) : double.IsNaN(bound)).Should().BeTrue("it is {0}", bound);
                if (epoch <= 4)
                {
                    engine.Weights()[..18].Should().Equal(before[..18], "W of three units does not move");
                    engine.Weights()[18..36].Should().Contain(w => w != 0, "frozen units at the bound leave the others their own share");
                }
            }
            engine.Weights().Should().NotEqual(before);
        }
    }

    [Theory]
    [InlineData("InfinityNorm")]
    [InlineData("Perron")]
    [InlineData("Diagonal")]
    public void A_gap_below_a_millionth_is_reached_under_a_bound_that_allows_it(string name)
    {
        var bound = 1 - MathF.ScaleB(1, -21);
        var rule = name switch { "InfinityNorm" => WellPosedness.InfinityNorm(bound), "Perron" => WellPosedness.Perron(bound), _ => WellPosedness.Diagonal(bound) };
        var architecture = Setup.Deq(1, Activation.ReLU, rule);
        // Targets of a steeper network draw W to its bound.
        using var engine = DirectSetup.Engine(Setup.Settings(architecture) with { Optimizer = new Sgd() }, new DeqNetwork([0.5f], [1], [0], [1], [0], Activation.ReLU), new TrainingData(1, 1, [1, 2], [100, 200], null));

        engine.Step([0, 1], 1);

        engine.Weights()[0].Should().BeInRange(1 - 1e-6, bound);
        ((DeqNetwork)engine.ToNetwork()).Certificate.RuleHolds.Should().BeTrue();
    }

    [Fact]
    public void Adam_starts_anew_when_frozen_units_join()
    {
        var settings = Settings(2, Architectures[0]) with { FrozenEpochs = 3, FrozenUnits = Units(Architectures[0]), BatchSize = 300 };
        var rows = Setup.Noise(300, 3, 1, 3);
        using var engine = DirectSetup.Engine(settings, DirectSetup.Start(Architectures[0], 3, 1, 5), rows);
        engine.Epochs(1, 3, 300);
        engine.ReadOptimizer().Steps.Should().Be(3);

        var before = engine.Weights();
        engine.Epochs(4, 1, 300);

        engine.ReadOptimizer().Steps.Should().Be(1);
        // The first step of Adam is as long as the rate, for each weight.
        engine.Weights().Zip(before, (a, b) => Math.Abs(a - b)).Should().OnlyContain(change => change < 1.01e-2);
    }

    [Theory]
    [InlineData("LevenbergMarquardt", 1632, "Set Optimizer to LBfgs, or to Adam with a small BatchSize; or give fewer rows.")]
    [InlineData("LBfgs", 2200, "Set Optimizer to Adam with a small BatchSize, or give fewer rows.")]
    [InlineData("Adam", 2200, "Lower BatchSize.")]
    public void A_step_for_which_there_is_no_room_is_refused_with_a_remedy(string optimizer, int units, string remedy)
    {
        var architecture = new FnnArchitecture([units], Activation.ReLU, 0);
        var settings = Setup.Settings(architecture) with { Optimizer = Optimizers.Single(o => o.GetType().Name == optimizer), BatchSize = int.MaxValue };
        using var engine = new DirectEngine(settings, DirectSetup.Start(architecture, 1, 1, 1));

        engine.Invoking(e => e.Attach(new TrainingData(1, 1, new float[500_000], new float[500_000], null))).Should().Throw<DeqException>()
            .WithMessage($"A step of {optimizer} over 500000 rows with {3 * units + 1} weights that move needs * GiB*{remedy}");
        using var few = new DirectEngine(settings with { BatchSize = optimizer == "Adam" ? 32 : int.MaxValue }, DirectSetup.Start(architecture, 1, 1, 1));
        few.Attach(optimizer == "Adam" ? new TrainingData(1, 1, new float[500_000], new float[500_000], null) : new TrainingData(1, 1, new float[50], new float[50], null));
    }

    [Fact]
    public void Factors_are_kept_by_their_slopes_up_to_a_share_of_the_room_and_are_used_again()
    {
        double[] w = [0.5, 0.25, -0.5, 0.125];
        var room = new NewtonRoom(2, keeps: true, blocks: 1 << 25);
        NewtonRoom.Factors Of(double first, double second)
        {
            (room.Slopes[0], room.Slopes[1]) = (first, second);
            var factors = room.FactorsOf(w)!;
            double[] b = [3, 5];
            factors.Solve(b);
            var expected = Linear.Solve([1 - first * 0.5, -first * 0.25, second * 0.5, 1 - second * 0.125], [3, 5]);
            Linear.Distance(b, expected).Should().BeLessThan(1e-14);
            return factors;
        }

        var one = Of(1, 0);

        Of(1, 0).Should().BeSameAs(one);
        Of(0, 1).Should().BeSameAs(one, "there is room for one only");
        room.Clear();
        Of(1, 1).Should().BeSameAs(one);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Rows_of_weights_stay_under_MaxWeightNorm(int architecture)
    {
        foreach (var optimizer in Optimizers)
        {
            double[] Trained(double? limit)
            {
                var settings = Setup.Settings(Architectures[architecture]) with { Optimizer = optimizer, MaxWeightNorm = limit };
                using var engine = DirectSetup.Engine(settings, DirectSetup.Start(settings.Architecture, 3, 1, 5), Setup.Smooth(100, 3, label: y => 30 * y));
                engine.Epochs(1, 10, 100);
                switch (engine.ToNetwork())
                {
                    case FnnNetwork fnn when limit is { } most:
                        fnn.Layers.SelectMany(l => l.Weights.ToArray().Chunk(l.InputSize)).Should().OnlyContain(row => row.Sum(w => Math.Abs((double)w)) <= most);
                        fnn.Layers.SkipLast(1).SelectMany(l => l.Bias.ToArray()).Should().OnlyContain(b => Math.Abs(b) <= most);
                        break;
                    case DeqNetwork deq when limit is { } most:
                        deq.U.ToArray().Chunk(deq.U.Length / 6).Append(deq.V.ToArray()).Concat(deq.Encoder.SelectMany(l => l.Weights.ToArray().Chunk(3)))
                            .Should().OnlyContain(row => row.Sum(w => Math.Abs((double)w)) <= most);
                        deq.B.ToArray().Should().OnlyContain(b => Math.Abs(b) <= most);
                        break;
                }
                return engine.Weights();
            }
            Trained(0.8).Should().NotEqual(Trained(null));
        }
    }

    [Fact]
    public void Losses_are_those_of_the_finished_network()
    {
        foreach (var architecture in Architectures)
        {
            var rows = Setup.Smooth(100, 3, weighted: true);
            using var engine = DirectSetup.Engine(Setup.Settings(architecture) with { Optimizer = new LevenbergMarquardt() }, DirectSetup.Start(architecture, 3, 1, 5), rows);
            engine.Epochs(1, 5, 100);
            var network = engine.ToNetwork();

            var expected = Enumerable.Range(0, 100).Sum(r => rows.Weight(r) / rows.TotalWeight * Math.Pow(Float64.EvaluateAffine(network, rows.Row(r).ToArray())[0] - rows.Targets[r], 2));

            engine.Evaluate(rows, () => { }).Loss.Should().BeApproximately(expected, 1e-5 * expected);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Rules_by_gradients_are_those_of_Simd(int architecture)
    {
        foreach (var optimizer in Optimizers.Where(o => !o.IsFullBatch))
        {
            var settings = Setup.Settings(Architectures[architecture] is DeqArchitecture deq ? deq with { Solver = new Picard(), GradientSolver = new Picard(), Tolerance = new Tolerance(1e-6) } : Architectures[architecture]) with
            {
                Optimizer = optimizer,
                WeightDecay = 0.02,
                GradientClip = 0.5,
                Epochs = 3,
            };
            var rows = Setup.Noise(100, 3, 1, 3, weighted: true);
            var start = DirectSetup.Start(settings.Architecture, 3, 1, 5);
            double[] Trained(ITrainingEngine engine)
            {
                using (engine)
                {
                    new TrainingLoop(settings, 1, new RecordingMonitor()).Run(engine, rows, null);
                    return Linear.ToDouble(engine.ToNetwork().Weights());
                }
            }
            Setup.RelativeDistance(Trained(new DirectEngine(settings, start)), Trained(new SimdEngine(settings, start))).Should().BeLessThan(2e-3, "{0}", optimizer);
        }
    }

    [Fact]
    public void A_row_without_an_equilibrium_is_told()
    {
        // z = relu(2 z + 1) has none, z = relu(2 z - 1) has two.
        var architecture = Setup.Deq(1, Activation.ReLU, WellPosedness.None);
        using var engine = DirectSetup.Engine(Setup.Settings(architecture), new DeqNetwork([2], [1], [0], [1], [0], Activation.ReLU), new TrainingData(1, 1, [1, -1, 1], [0, 0, 0], null));
        engine.Step([0, 1, 2], 1e-9);

        engine.ReadMetrics().UnsolvedRows.Should().Be(2);
    }

    [Fact]
    public void Only_the_diagonals_of_a_diagonal_cell_move()
    {
        var architecture = Setup.Deq(2, Activation.Identity, WellPosedness.None) with { Cell = DeqCell.DiagonalLinear };
        var start = new DeqNetwork([0.2f, 0, 0, 0.1f], [0.5f, 0, 0, -0.5f], [0.25f, -0.5f], [2, 3], [0.75f], Activation.Identity);
        foreach (var optimizer in Optimizers)
        {
            using var engine = DirectSetup.Engine(Setup.Settings(architecture) with { Optimizer = optimizer, WeightDecay = 0.1 }, start, Setup.Noise(10, 2, 1, 3));
            var before = engine.Weights();

            engine.Epochs(1, 2, 10);

            int[] diagonals = [0, 3, 4, 7];
            engine.Weights().Select((w, i) => w != before[i]).Should().Equal(before.Select((_, i) => diagonals.Contains(i)));
        }
    }

    [Fact]
    public void A_start_that_breaks_its_rule_is_brought_under_it()
    {
        var architecture = Setup.Deq(2, Activation.ReLU, WellPosedness.InfinityNorm(0.5f));
        using var engine = new DirectEngine(Setup.Settings(architecture), new DeqNetwork([0.75f, 0.5f, 0.25f, 0.125f], [1, 1], [0, 0], [1, 1], [0], Activation.ReLU));

        var w = ((DeqNetwork)engine.ToNetwork()).W.ToArray();

        Linear.Distance(Linear.ToDouble(w), [0.375, 0.125, 0.25, 0.125]).Should().BeLessThan(1e-5, "the nearest row of the first is lowered by one threshold");
    }

    [Fact]
    public void Arrays_of_another_length_and_a_closed_engine_are_refused()
    {
        var rows = Setup.Noise(20, 3, 1, 3);
        var engine = DirectSetup.Engine(Setup.Settings(Architectures[0]), DirectSetup.Start(Architectures[0], 3, 1, 5), rows);
        var count = engine.ReadWeights().Length;
        engine.Invoking(e => e.LoadWeights(new float[count - 2])).Should().Throw<ArgumentException>().WithMessage($"*this training has {count}*");
        engine.ReadStates().Should().BeNull();
        engine.Invoking(e => e.LoadStates([1])).Should().Throw<ArgumentException>();
        engine.Invoking(e => e.LoadOptimizer(new OptimizerState(1, [new float[count]]))).Should().Throw<ArgumentException>().WithMessage($"*this optimizer has moments of {count}, {count}*");
        engine.ReadMetrics().WeightsFinite.Should().BeTrue();
        engine.SetWeights([double.NaN, .. engine.Weights()[1..]]);
        engine.ReadMetrics().WeightsFinite.Should().BeFalse();
        engine.Dispose();
        engine.Dispose();
        engine.Invoking(e => e.Step([0], 1)).Should().Throw<ObjectDisposedException>();
        engine.Invoking(e => e.Evaluate(rows, () => { })).Should().Throw<ObjectDisposedException>();
    }

    private static (float[] Weights, IEnumerable<TrainingEpoch> Epochs) Train(TrainingSettings settings, TrainingData rows)
    {
        using var engine = new DirectEngine(settings, DirectSetup.Start(settings.Architecture, 3, 1, 5));
        var history = new TrainingLoop(settings, 1, new RecordingMonitor()).Run(engine, rows, rows.Select([1, 2, 3]));
        return (engine.ReadWeights(), Untimed(history));
    }

    private static IEnumerable<TrainingEpoch> Untimed(TrainingHistory history) => [.. history.Epochs.Select(e => e with { Seconds = 0 })];
}

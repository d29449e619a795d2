namespace Deq.MLNet.Samples.Lab;

/// <summary>Networks that are written down: what a deep equilibrium network can express, verified.</summary>
internal sealed class ConstructionsExperiment : IExperiment
{
    /// <summary>What is claimed of errors, as shares of the largest |y|, in float32 and in float64.</summary>
    private const double MostError = 1e-6, MostError64 = 1e-9;

    /// <summary>Points of each network whose equilibria are found by other methods.</summary>
    private const int Solved = 100;

    public string Name => "constructions";

    public string? Label => null;

    public string Title => "Networks that are written down";

    public void Run(LabSettings settings, Report report)
    {
        report.Text("""
            Deep equilibrium networks z = relu(W z + U x + b), y = V z that are exactly what they should be, as models of this library: a training of no epochs turns the weights into a model of ML.NET, which scores in float32
            and is exported as ONNX. They were derived for this project; the paper's own constructions were not at hand. Errors are the largest over the ends of all linear pieces, their middles and random points in each.
            """);
        report.Text("""
            - **A1** has 2^m linear pieces in m units, as many as there are sets of active units, and so the most possible. **A2** is the sawtooth of 2^k teeth's flanks in k + 1 units. The weights of both grow like 2^m.
            - **A3** is the same sawtooth in 2k + 1 units of weights within 4. **A4** is A3 rescaled to row sums of W below 0.9, a contraction, at a cost in V.
            - **B1** is the ramp clip(x / delta, 0, 1), delta = 2^-d, in two units of weights within 1. **B2** is the same in d + 2 units of weights within 2. The ramp stands in for the paper's steep function.
            """);
        int[] sizes = settings.Quick ? [5, 12] : [.. Enumerable.Range(1, 12)], teeth = settings.Quick ? [5, 10] : [1, 3, 5, 10, 15], contracting = settings.Quick ? [5] : [1, 3, 5, 10], ramps = settings.Quick ? [6, 20] : [6, 8, 10, 12, 14, 16, 18, 20];
        Verified[] all =
        [
            .. new[]
            {
                sizes.Select(Families.MostPieces), teeth.Select(Families.ShortSawtooth), teeth.Select(Families.BoundedSawtooth), contracting.Select(Families.ContractingSawtooth),
                ramps.Select(Families.ResonantRamp), ramps.Select(Families.DoublingRamp),
            }.SelectMany(family => family).Select(construction => Verify(settings.Out, construction)),
        ];
        Verified mostPieces = all.Single(v => v.Construction is { Family: "A1", Size: 12 }), steepest = all.Single(v => v.Construction is { Family: "B1", Size: 20 }), finest = all.Where(v => v.Construction.Family == "A2").MaxBy(v => v.Construction.Size)!;
        report.Table("errors", "Linear pieces, counted, and errors against the exact function as shares of the largest |y|",
            ["network", "units", "pieces", "expected", "points", "largest |y|", "error in float64", "in float32, ML.NET", "in float32, ONNX Runtime", "largest weight", "largest row sum of |W|"],
            all.Select(v => new object?[] { v.Construction.Name, v.Construction.Network.StateSize, v.Pieces, v.Construction.Pieces, v.Points, v.Scale, v.Error64, v.Error, v.OnnxError, v.Construction.LargestWeight, v.Construction.RowSum }));
        report.Text(FormattableString.Invariant($"""
            In float32 the sawteeth and the ramps are exact where the equilibrium is found by substitution: every number on the way is one that float32 has. A1 with m = 12 is a line up to {mostPieces.Scale:F0} with teeth of height 2 on it, which float32 rounds by up to {mostPieces.Error * mostPieces.Scale:G2}.
            A4 with row sums of just 0.9, instead of with powers of two, would cost a largest weight in V of {string.Join(", ", contracting.Select(k => FormattableString.Invariant($"{Families.CostOfContraction(k, 0.9):G3} (k = {k})")))}.
            """));
        report.Table("solving", $"How equilibria are found in float32: evaluations of the cell of the worst of {Solved} points, until a relative residual of 1e-6 or, of rows that stall, the precision of float32; and the largest error of y",
            ["network", "plain iteration", "plain, stalled", "plain, unsolved", "plain, error", "Newton", "Newton, stalled", "Newton, unsolved", "Newton, error"],
            all.Select(v => new object?[] { v.Construction.Name, v.Plain.Evaluations, v.Plain.Stalled, v.Plain.Unsolved, v.Plain.Error, v.Newton.Evaluations, v.Newton.Stalled, v.Newton.Unsolved, v.Newton.Error }));
        report.Text($"""
            A small residual is not a small error: what is left of one, if only by the rounding of float32, is multiplied by 1 / delta, or by the weights of V. Off by more than {MostError} of the largest |y| are, with the largest error of y,

            - by plain iteration: {Off(all, v => v.Plain)};
            - by Newton's method: {Off(all, v => v.Newton)}.

            Substitution alone, which `Auto` takes for a triangular W and by which the table of errors was scored, does not care.
            """);
        FnnBoundTables.Add(report);
        Draw(report, all.ToLookup(v => v.Construction.Family));

        foreach (var v in all)
        {
            report.Require(v.Pieces == v.Construction.Pieces, $"{v.Construction.Name} has {v.Pieces} pieces, not {v.Construction.Pieces}");
            report.Require(v.Error64 <= MostError64, $"{v.Construction.Name} is off by {v.Error64:G3} in float64");
            // Said of them in the text.
            report.Require(v.Construction.Family == "A1" || v.Error == 0, $"{v.Construction.Name} is not exact in float32");
            report.Require(v.Error <= MostError && v.OnnxError <= MostError, $"{v.Construction.Name} is off by {v.Error:G3} in ML.NET and {v.OnnxError:G3} in ONNX Runtime");
        }
        report.Claim("A DEQ of width m has functions that no FNN of much smaller depth has without exponential width: for exact representation", Agrees(mostPieces.Pieces == mostPieces.Construction.Pieces),
            FormattableString.Invariant($"A1 with m = 12 has {mostPieces.Pieces} linear pieces; an FNN with 3 hidden layers needs {FnnBounds.Width(12, 3):F0} units in each, one with 2 {FnnBounds.Width(12, 2):F0}, one with 1 {FnnBounds.Width(12, 1):F0}. The DEQ is verified, the bound of FNNs derived. This is on what can be written down, and says nothing of training."));
        report.Claim("And for approximation, here in the mean square over [0, 1]", Agrees(finest.Error <= MostError),
            FormattableString.Invariant($"{finest.Construction.Name}, {finest.Construction.Network.StateSize} units, is the sawtooth of 2^{finest.Construction.Size} pieces with an error of {finest.Error:G2}. An FNN that is to have half the error of 1/2 everywhere needs {FnnBounds.WidthForHalfTheError(finest.Construction.Size, 1):F0} units with 1 hidden layer, {FnnBounds.WidthForHalfTheError(finest.Construction.Size, 2):F0} in each with 2, {FnnBounds.WidthForHalfTheError(finest.Construction.Size, 3):F0} with 3: at a fixed depth exponential in k, by the count of pieces. The DEQ is verified; the bound is derived, and ours, and so is the target."));
        report.Claim("A DEQ of few units and bounded weights is as steep as one likes; an FNN of bounded depth needs weights that grow without bound", Agrees(steepest.Error <= MostError && steepest.Construction.LargestWeight <= 1),
            FormattableString.Invariant($"B1, two units of weights within 1, has slope 2^20 with an error of {steepest.Error:G2}; an FNN of one hidden layer of 10 needs weights of {FnnBounds.Weight(Math.ScaleB(1, -20), 10, 1):F0} and more. The DEQ is verified, the bound of FNNs derived. On a stand-in for the paper's function, and on what can be written down."));
        report.Figure("regions_m12", mostPieces.Pieces);
        report.Figure("construction_max_error", all.Max(v => Math.Max(v.Error, v.OnnxError)));
        report.Figure("construction_max_absolute_error", all.Max(v => Math.Max(v.Error, v.OnnxError) * v.Scale));
        report.Figure("construction_max_error_float64", all.Max(v => v.Error64));
    }

    private static string Agrees(bool holds) => holds ? "agrees" : "does not agree";

    private sealed record Verified(Construction Construction, int Pieces, int Points, double Scale, double Error64, double Error, double OnnxError, Solving Plain, Solving Newton);

    private static Verified Verify(OutputFolder folder, Construction construction)
    {
        var network = construction.Network;
        var pieces = LinearPieces.Of(network, construction.Low, construction.High);
        var points = Points(pieces);
        var exact = points.Select(x => construction.Target(x)).ToArray();
        double Largest(IEnumerable<double> scores) => scores.Zip(exact, (score, y) => Math.Abs(score - y)).Max() / exact.Max(Math.Abs);

        var model = new ConstructedModel(network);
        var path = folder[$"constructions-{construction.Family}.onnx"];
        var some = new Random(2).GetItems(points, Solved);
        return new Verified(construction, pieces.Count, points.Length, exact.Max(Math.Abs),
            Largest(points.AsParallel().AsOrdered().Select(x => network.EvaluateFloat64([x])[0])), Largest(model.Scores(points).Select(y => (double)y)), Largest(model.OnnxScores(points, path).Select(y => (double)y)),
            Solving.Of(construction, new Picard(), some), Solving.Of(construction, new Newton(), some));
    }

    /// <summary>The ends of all pieces, their middles, and random points in each: at least 3, and 2,000 in all.</summary>
    private static float[] Points(List<LinearPiece> pieces)
    {
        var random = new Random(1);
        var count = Math.Max(3, 2_000 / pieces.Count);
        return [.. pieces.SelectMany(piece => Enumerable.Range(0, count).Select(_ => random.NextDouble()).Prepend(0.5).Prepend(1).Prepend(0), (piece, share) => (float)(piece.Low + share * (piece.High - piece.Low)))];
    }

    /// <summary>What a method gets wrong, family by family.</summary>
    private static string Off(Verified[] all, Func<Verified, Solving> by)
    {
        var off = all.Where(v => by(v).Error > MostError * v.Scale).GroupBy(v => v.Construction.Family).Select(family =>
            FormattableString.Invariant($"{family.Key} ({family.First().Construction.Parameter} = {string.Join(", ", family.Select(v => v.Construction.Size))}) by {Remarks.Range(family.Select(v => by(v).Error))}, {family.Sum(v => by(v).Stalled)} of {family.Count() * Solved} rows stalled")).ToList();
        return off.Count > 0 ? string.Join("; ", off) : "none";
    }

    private static void Draw(Report report, ILookup<string, Verified> families)
    {
        var units = Enumerable.Range(1, 12).Select(m => (double)m).ToArray();
        Curve Fnn(int depth) => new($"FNN of as many units in {depth} layer{(depth > 1 ? "s" : "")}, at most", [.. units.Where(m => m % depth == 0)], [.. units.Where(m => m % depth == 0).Select(m => FnnBounds.MostPieces((int)m / depth, depth))], Dashed: true);
        CurvePicture.Draw([new CurvePanel("How many linear pieces m units make", "units", "linear pieces",
            [new Curve("DEQ A1, counted", [.. families["A1"].Select(v => (double)v.Construction.Network.StateSize)], [.. families["A1"].Select(v => (double)v.Pieces)]), .. Enumerable.Range(1, 4).Select(Fnn)])],
            report.PictureFile("pieces", "Linear pieces of A1 against its units, and the most that FNNs of as many units can have."), legend: ScottPlot.Alignment.UpperLeft, width: 720);

        static FunctionPanel Panel(string title, Construction c, double low, double high)
        {
            double[] x = [.. Enumerable.Range(0, 2_049).Select(i => low + i * (high - low) / 2_048)];
            return new FunctionPanel(title, x, [.. x.Select(value => c.Target((float)value))], [("network, float32", [.. x.Select(value => Score(c.Network, (float)value))])]);
        }
        static double Score(DeqNetwork network, float x)
        {
            var y = new float[1];
            network.Evaluate([x], new float[network.ScratchSize], y);
            return y[0];
        }
        FunctionPicture.Draw(
        [
            Panel("A1, m = 5, on [-1, 1]", Families.MostPieces(5), -1, 1), Panel("A3, k = 5", Families.BoundedSawtooth(5), 0, 1), Panel("A4, k = 5", Families.ContractingSawtooth(5), 0, 1),
            Panel("B1, d = 6", Families.ResonantRamp(6), -1, 1), Panel("B1, d = 20, enlarged", Families.ResonantRamp(20), -Math.ScaleB(2, -20), Math.ScaleB(3, -20)), Panel("B2, d = 20, enlarged", Families.DoublingRamp(20), -Math.ScaleB(2, -20), Math.ScaleB(3, -20)),
        ], 3, report.PictureFile("functions", "What the networks compute, over the function they were written down for."));

        static Curve Steps(string name, IEnumerable<Verified> of, Func<Verified, double> steps) => new(name, [.. of.Select(v => (double)v.Construction.Size)], [.. of.Select(steps)]);
        CurvePicture.Draw([new CurvePanel("Evaluations that a ramp of slope 2^d takes", "d", "evaluations of the cell, worst row",
        [
            Steps("B1, plain iteration", families["B1"], v => v.Plain.Evaluations), Steps("B1, Newton", families["B1"], v => v.Newton.Evaluations),
            Steps("B2, plain iteration", families["B2"], v => v.Plain.Evaluations),
        ])], report.PictureFile("solving", "Evaluations of the cell, of the worst row, until a relative residual of 1e-6 or, where a row stalls, the precision of float32."), legend: ScottPlot.Alignment.MiddleRight, width: 720);
    }
}

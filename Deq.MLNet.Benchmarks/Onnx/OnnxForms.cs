using Deq.MLNet.Onnx;
using Deq.MLNet.Tests.Onnx;

namespace Deq.MLNet.Benchmarks;

/// <summary>The forms of an equilibrium side by side: steps, and time in ONNX Runtime on one thread.</summary>
internal static class OnnxForms
{
    private const int Features = 16;

    /// <summary>The steps that forms take for an error of 1e-5 on the cell that is hard among those of the solvers: W nearly singular, 64 states.</summary>
    public static void Steps(Report report)
    {
        var table = new List<string[]>();
        foreach (var rho in new[] { 0.9, 0.99 })
        {
            var network = Network(new CellProblem(CellKind.NearlySingular, 64, rho, Activation.ReLU, 1), WellPosedness.Spectral((float)rho * 1.001f));
            var (plain, anderson) = (StepsOf(network, OnnxForm.Unrolled), StepsOf(network, OnnxForm.UnrolledAnderson));
            var counted = plain ?? PlainSteps(network);
            table.Add([Report.Text($"{rho}"), plain is null ? $"{counted} in float64; not exported" : $"{plain}", $"{anderson}"]);
            if (rho == 0.99)
            {
                report.Figure("onnx_plain_steps_hard", counted, plain is null ? "counted in float64; the export refuses so many" : "");
                report.Figure("onnx_anderson_steps_hard", anderson ?? double.NaN);
            }
        }
        Report.Table("Steps for an error of 1e-5 on a nearly singular W of 64 states", ["2-norm of W", "plain", "Anderson"], table);
    }

    private static int? StepsOf(DeqNetwork network, OnnxForm form)
    {
        try
        {
            return OnnxCases.Export(network, new OnnxExportOptions { Form = form }).Report.Steps;
        }
        catch (OnnxExportException)
        {
            return null;
        }
    }

    /// <summary>Plain steps in float64 until 100 rows stay within a quarter of 1e-5 of max |y|, what an export leaves for rows that it has not seen.</summary>
    private static int PlainSteps(DeqNetwork network)
    {
        var random = new Random(3);
        var rows = Enumerable.Range(0, 100).Select(_ => RandomCell.Values(random, Features, 1)).ToList();
        var exact = rows.Select(row => Float64.EvaluateAffine(network, row)[0]).ToList();
        var (allowed, w) = (exact.Max(Math.Abs) * 1e-5 / 4, Linear.ToDouble(network.W.Span));
        return rows.AsParallel().Select((row, i) =>
        {
            var (u, z) = (Float64.Injection(network, row), new double[network.StateSize]);
            // The error of this W falls from step to step.
            var steps = 0;
            for (; steps == 0 || Math.Abs(Float64.Read(network, row, z)[0] - exact[i]) > allowed; steps++)
            {
                z = [.. Linear.Affine(w, z, u).Select(v => Phi.Of(network.Activation, v))];
            }
            return steps;
        }).Max();
    }

    /// <summary>Prints how long a call takes in every form, for one row and for many.</summary>
    public static void Times(Effort effort)
    {
        foreach (var size in new[] { 32, 128 })
        {
            DeqNetwork random = Network(new CellProblem(CellKind.Gaussian, size, 0.9, Activation.ReLU, 1), WellPosedness.Spectral(0.91f)),
                hard = Network(new CellProblem(CellKind.NearlySingular, size, 0.9, Activation.ReLU, 1), WellPosedness.Spectral(0.91f)),
                monotone = Network(new CellProblem(CellKind.Monotone, size, 0, Activation.ReLU, 1), WellPosedness.Monotone(0.99f)),
                triangular = Network(new CellProblem(CellKind.Triangular, size, 0, Activation.ReLU, 1), WellPosedness.StrictlyTriangular);
            (string W, DeqNetwork Network, OnnxForm Form)[] cases =
            [
                ("random", random, OnnxForm.Unrolled), ("random", random, OnnxForm.UnrolledAnderson), ("random", random, OnnxForm.Loop),
                ("nearly singular", hard, OnnxForm.Unrolled), ("nearly singular", hard, OnnxForm.UnrolledAnderson), ("nearly singular", hard, OnnxForm.Loop),
                ("monotone", monotone, OnnxForm.PeacemanRachford), ("triangular", triangular, OnnxForm.ForwardSubstitution), ("triangular", triangular, OnnxForm.Unrolled),
            ];
            foreach (var rows in new[] { 1, effort.IsQuick ? 256 : ManyRows.Count })
            {
                var scorers = cases.Select(c => Scorer(c.Network, c.Form, rows)).ToList();
                var ways = cases.Zip(scorers, (c, s) => new Way($"{c.W} | {c.Form} | {s.Steps}", s.Scorer.Run)).ToList();
                var rounds = Rounds.Measure(effort, ways);
                Report.Table($"{rows} {(rows == 1 ? "row" : "rows")}, {size} states, one thread: microseconds a call, median (least to most)", ["W", "form", "steps", "a call", "times the first's time"],
                    ways.Select(way => new[] { way.Name, $"{rounds.Microseconds(way)}", $"{rounds.TimesFaster(ways[0], way)}" }));
                scorers.ForEach(s => s.Scorer.Dispose());
            }
        }
    }

    private static (OrtScorer Scorer, int Steps) Scorer(DeqNetwork network, OnnxForm form, int rows)
    {
        var (bytes, report) = OnnxCases.Export(network, new OnnxExportOptions { Form = form });
        var scorer = new OrtScorer(bytes, Features, rows, 1);
        RandomCell.Values(new Random(2), rows * Features, 1).CopyTo(scorer.Features, 0);
        return (scorer, report.Steps);
    }

    /// <summary>A network around a W, with its curves measured on 500 rows.</summary>
    private static DeqNetwork Network(CellProblem cell, WellPosedness rule)
    {
        var (random, d) = (new Random(1), cell.Size);
        var network = new DeqNetwork(cell.W, RandomCell.Values(random, d * Features, 1 / Math.Sqrt(Features)), RandomCell.Values(random, d, 0.1), RandomCell.Values(random, d, 1 / Math.Sqrt(d)), [0.1f],
            Activation.ReLU, rule: rule);
        var rows = Enumerable.Range(0, 500).Select(_ => (ReadOnlyMemory<float>)RandomCell.Values(random, Features, 1)).ToList();
        var measurement = new CurveMeasurement(network, rows, []);
        return network.WithCurves([.. Enum.GetValues<OnnxForm>().Where(form => IsFor(form, network)).Select(form => measurement.Of(form)!)]);
    }

    private static bool IsFor(OnnxForm form, DeqNetwork network)
    {
        if (form == OnnxForm.Auto)
        {
            return false;
        }
        try
        {
            FormRules.Check(form, network);
            return true;
        }
        catch (OnnxExportException)
        {
            return false;
        }
    }
}

namespace Deq.MLNet.Benchmarks;

/// <summary>Exported files in ONNX Runtime against float64: errors and labels of every trainer, form, activation and opset, and of the samples' pipelines; how many steps a slow network takes; how long the forms take.</summary>
internal static class OnnxExport
{
    /// <summary>What every case must keep, as a share of max |y|.</summary>
    private const double Allowed = 1e-5;

    /// <param name="effort">How much is run.</param>
    /// <param name="folder">Where the files are left; null for nowhere.</param>
    public static int Run(Effort effort, string? folder)
    {
        Console.WriteLine(Machine.Describe());
        if (folder is not null)
        {
            Directory.CreateDirectory(folder);
        }
        var report = new Report();
        var (drawn, real) = (DrawnCases.Run(effort, folder), RealPipelines.Run(effort, folder));
        Print("Drawn rows, by form", "form", drawn);
        Print("Real rows through whole pipelines", "data", real);
        var (ofDrawn, ofReal) = (Sum(drawn.Values), Sum(real.Values));
        var all = Sum([ofDrawn, ofReal]);
        report.Check(all.WorstError <= Allowed, $"{all.WorstCase}: {all.WorstError:G3} of max |y| off float64");
        report.Check(all.Mismatches == 0, $"{all.Mismatches} labels outside their margin");

        OnnxForms.Steps(report);
        OnnxForms.Times(effort);

        report.Figure("onnx_worst_error", all.WorstError, all.WorstCase);
        report.Figure("onnx_pipeline_worst_error", ofReal.WorstError, ofReal.WorstCase);
        report.Figure("onnx_label_mismatches", all.Mismatches, "outside the margin");
        report.Figure("onnx_close_calls", all.CloseCalls, "labels that differ within the margin");
        report.Figure("onnx_cases", all.Cases, "files");
        return report.Finish();
    }

    private static Agreement Sum(IEnumerable<Agreement> agreements)
    {
        var sum = new Agreement();
        foreach (var agreement in agreements)
        {
            sum.Add(agreement);
        }
        return sum;
    }

    private static void Print(string title, string first, Dictionary<string, Agreement> agreements) =>
        Report.Table(title, [first, "files", "largest error, of max \\|y\\|", "of", "labels that differ", "within the margin"],
            agreements.Select(a => new[] { a.Key, $"{a.Value.Cases}", Report.Text($"{a.Value.WorstError:E1}"), a.Value.WorstCase, $"{a.Value.Mismatches}", $"{a.Value.CloseCalls}" }));
}

using System.Globalization;
using Microsoft.ML;
using Spectre.Console;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A model's whole way: compare trainers, train, save, load elsewhere, export as ONNX, draw.</summary>
internal static class Quickstart
{
    /// <returns>0 where every check holds, else 1.</returns>
    public static int Run(string folder)
    {
        Directory.CreateDirectory(folder);
        string InFolder(string file) => Path.Combine(folder, file);
        var ml = new MLContext(seed: 1);

        var results = CrossValidation.Run(ml, Diabetes.Load(ml));
        CrossValidation.Print(results);

        var fitted = FittedModel.Train(ml);
        var reloadDifference = RoundTrip.MaxDifference(ml, fitted, InFolder("quickstart.zip"));
        var (onnxDifference, onnxSteps) = OnnxCheck.Run(ml, fitted, InFolder("quickstart.onnx"));
        Pictures.Convergence(fitted.History, InFolder("convergence.png"));
        Pictures.PredictedAgainstTrue(fitted, InFolder("predicted_vs_true.png"));
        PredictOne(ml, fitted);
        Say($"The model, the ONNX graph ({onnxSteps} steps, compared with the equilibrium in float64) and two pictures are in {Path.GetFullPath(folder)}.");

        foreach (var result in results)
            Figures.Print($"{result.Trainer.ToLowerInvariant()}_r2", result.RSquared);
        Figures.Print("reload_maxdiff", reloadDifference);
        Figures.Print("onnx_relative_maxdiff", onnxDifference);
        Figures.Print("onnx_steps", onnxSteps);
        Figures.Print("train_seconds", fitted.TrainSeconds);
        Figures.Print("max_residual", fitted.WorstResidual());
        Figures.Print("spectral_norm", fitted.Network.Certificate.ContractionFactor);
        return Check(results, reloadDifference, onnxDifference) ? 0 : 1;
    }

    private static void PredictOne(MLContext ml, FittedModel fitted)
    {
        var patient = ml.Data.CreateEnumerable<Patient>(fitted.TestRows, reuseRowObject: false).First();
        var engine = ml.Model.CreatePredictionEngine<Patient, Prediction>(fitted.Pipeline);
        Say($"The first test patient, {patient.Age:F0} years, body mass index {patient.BodyMassIndex:F1}: predicted {engine.Predict(patient).Score:F0}, true {patient.Progression:F0}.");
    }

    private static bool Check(IReadOnlyList<Result> results, double reloadDifference, double onnxDifference)
    {
        var peer = results.Where(r => r.Trainer is "Sdca" or "LightGbm").Max(r => r.RSquared);
        List<(bool Holds, string Failure)> checks =
        [
            (reloadDifference == 0, "The model scores otherwise after loading."),
            (onnxDifference <= 1e-5, "The ONNX graph is further than 1e-5 from the equilibrium."),
            .. results.Select(r => (r.Trainer is "Sdca" or "LightGbm" || r.RSquared >= peer - 0.02, $"{r.Trainer} is more than 0.02 of R² behind ML.NET's best.")),
        ];
        foreach (var (_, failure) in checks.Where(check => !check.Holds))
            Console.Error.WriteLine($"FAILED: {failure}");
        return checks.TrueForAll(check => check.Holds);
    }

    private static void Say(FormattableString text) => AnsiConsole.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}

using Microsoft.ML;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A model's whole way: compare trainers, train, save, load elsewhere, export as ONNX, draw.</summary>
internal static class Quickstart
{
    private const int Repeats = 3;

    /// <returns>0 where every check holds, else 1.</returns>
    public static int Run(string folder)
    {
        var output = new OutputFolder(folder);
        var results = CrossValidation.Run(DiabetesTask.Short, Repeats);
        Results.Print(DiabetesTask.Short, results);

        var ml = new MLContext(seed: 1);
        var fitted = FittedModel.Train(ml);
        var reloadDifference = RoundTrip.MaxDifference(ml, fitted, output["quickstart.zip"]);
        var (onnxDifference, onnxSteps) = OnnxCheck.Run(ml, fitted, output["quickstart.onnx"]);
        Convergence.Draw(fitted.History, output["convergence.png"]);
        PredictedAgainstTrue.Draw(fitted.Labels, fitted.Scores, "test rows", output["predicted_vs_true.png"]);
        PredictOne(ml, fitted);
        Console.WriteLine($"The model, the ONNX graph ({onnxSteps} steps, compared with the equilibrium in float64) and two pictures are in {output}.");

        foreach (var result in results)
            Figures.Print($"{result.Trainer.ToLowerInvariant()}_r2", result.Mean);
        Figures.Print("reload_maxdiff", reloadDifference);
        Figures.Print("onnx_relative_maxdiff", onnxDifference);
        Figures.Print("onnx_steps", onnxSteps);
        Figures.Print("train_seconds", fitted.TrainSeconds);
        Figures.Print("max_residual", fitted.WorstResidual());
        Figures.Print("spectral_norm", fitted.Network.Certificate.ContractionFactor);

        var failures = Failures(results, reloadDifference, onnxDifference).ToList();
        failures.ForEach(failure => Console.Error.WriteLine($"Failed: {failure}."));
        return failures.Count == 0 ? 0 : 1;
    }

    private static void PredictOne(MLContext ml, FittedModel fitted)
    {
        var patient = ml.Data.CreateEnumerable<Patient>(fitted.TestRows, reuseRowObject: false).First();
        using var engine = ml.Model.CreatePredictionEngine<Patient, ProgressionEstimate>(fitted.Pipeline);
        Console.WriteLine(FormattableString.Invariant($"The first test patient, {patient.Age:F0} years, body mass index {patient.BodyMassIndex:F1}: predicted {engine.Predict(patient).Score:F0}, true {patient.Progression:F0}."));
    }

    private static IEnumerable<string> Failures(IReadOnlyList<Result<ProgressionEstimate>> results, double reloadDifference, double onnxDifference)
    {
        if (reloadDifference != 0)
            yield return "the loaded model scores otherwise than the saved one";
        if (!(onnxDifference <= 1e-5))
            yield return "the ONNX graph is more than 1e-5 away from the equilibrium";
        var best = results.BestBuiltIn().Mean;
        foreach (var result in results.Where(result => result.IsNetwork && !(result.Mean >= best - 0.02)))
            yield return $"{result.Trainer} is more than 0.02 of R² behind the best of ML.NET's trainers";
    }
}

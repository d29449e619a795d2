using Microsoft.ML.Runtime;

namespace Deq.MLNet;

/// <summary>Trains a deep equilibrium network for regression: z = phi(W z + U x + b), Score = link(V z + c), by the implicit gradient.</summary>
/// <remarks>
/// <para>Made by <c>mlContext.Regression.Trainers.Deq(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Trainer characteristics</term><description/></listheader>
/// <item><term>Machine learning task</term><description>Regression</description></item>
/// <item><term>Is normalization required?</term><description>No; features and label are standardised in training and the scaling is folded into the weights</description></item>
/// <item><term>Is caching required?</term><description>No; the rows are read once</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>Deq.MLNet; for what Engine.Torch trains also a libtorch package such as libtorch-cpu-linux-x64</description></item>
/// <item><term>Exportable to ONNX</term><description>Yes, by <c>mlContext.Model.SaveOnnx</c></description></item>
/// </list>
/// <para>Input: a label of type Single and a known-size vector of Single (n features); a row with a missing or infinite value is skipped with a warning.
/// Output: Score, a Single in the label's units; NaN for a row with a missing or infinite feature.
/// <see cref="DeqTrainerOptions.SolveColumns"/> and <see cref="DeqTrainerOptions.StateColumn"/> add how each row was solved, and its equilibrium.</para>
/// </remarks>
public sealed class DeqRegressionTrainer : NetworkRegressionTrainer
{
    internal DeqRegressionTrainer(IHostEnvironment environment, Options options) : base(environment, "DeqRegression", options) { }

    /// <summary>The options of <see cref="DeqRegressionTrainer"/>.</summary>
    public sealed class Options : DeqTrainerOptions
    {
        /// <summary>What training makes small; default <see cref="RegressionLoss.Squared"/>.</summary>
        public RegressionLoss Loss = RegressionLoss.Squared;

        private protected override Loss GetLoss() => Loss;
    }
}

using Microsoft.ML.Runtime;

namespace Deq.MLNet;

/// <summary>Trains a deep equilibrium network for binary classification: z = phi(W z + U x + b), Score = V z + c, by the implicit gradient.</summary>
/// <remarks>
/// <para>Made by <c>mlContext.BinaryClassification.Trainers.Deq(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Trainer characteristics</term><description/></listheader>
/// <item><term>Machine learning task</term><description>Binary classification</description></item>
/// <item><term>Is normalization required?</term><description>No; features are standardised in training and the scaling is folded into the weights</description></item>
/// <item><term>Is caching required?</term><description>No; the rows are read once</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>Deq.MLNet; for what Engine.Torch trains also a libtorch package such as libtorch-cpu-linux-x64</description></item>
/// <item><term>Exportable to ONNX</term><description>Yes, by <c>mlContext.Model.SaveOnnx</c></description></item>
/// </list>
/// <para>Input: a label of type Boolean and a known-size vector of Single (n features); a row with a missing or infinite value is skipped with a warning.
/// Output: Score, a Single (the log-odds of true, for the hinge loss a margin); Probability of true, a Single; PredictedLabel, a Boolean, true where the Score is above 0.
/// Score and Probability are NaN for a row with a missing or infinite feature. When a Probability is calibrated: <see cref="NetworkBinaryModelParameters.IsCalibrated"/>.
/// <see cref="DeqTrainerOptions.SolveColumns"/> and <see cref="DeqTrainerOptions.StateColumn"/> add how each row was solved, and its equilibrium.</para>
/// </remarks>
public sealed class DeqBinaryTrainer : NetworkBinaryTrainer
{
    internal DeqBinaryTrainer(IHostEnvironment environment, Options options) : base(environment, "DeqBinary", options) { }

    /// <summary>The options of <see cref="DeqBinaryTrainer"/>.</summary>
    public sealed class Options : DeqTrainerOptions
    {
        /// <summary>What training makes small; default <see cref="BinaryLoss.Logistic"/>.</summary>
        public BinaryLoss Loss = BinaryLoss.Logistic;

        /// <summary>How much each class counts in the loss; default null: all the same.</summary>
        public ClassWeights? ClassWeights;

        private protected override Loss GetLoss() => Loss;

        private protected override ClassWeights? GetClassWeights() => ClassWeights;
    }
}

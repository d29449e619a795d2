using Microsoft.ML.Runtime;

namespace Deq.MLNet;

/// <summary>Trains a deep equilibrium network for multiclass classification: z = phi(W z + U x + b), Score = softmax(V z + c), by the implicit gradient.</summary>
/// <remarks>
/// <para>Made by <c>mlContext.MulticlassClassification.Trainers.Deq(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Trainer characteristics</term><description/></listheader>
/// <item><term>Machine learning task</term><description>Multiclass classification</description></item>
/// <item><term>Is normalization required?</term><description>No; features are standardised in training and the scaling is folded into the weights</description></item>
/// <item><term>Is caching required?</term><description>No; the rows are read once</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>Deq.MLNet; for what Engine.Torch trains also a libtorch package such as libtorch-cpu-linux-x64</description></item>
/// <item><term>Exportable to ONNX</term><description>Yes, by <c>mlContext.Model.SaveOnnx</c></description></item>
/// </list>
/// <para>Input: a label of key type (UInt32, K classes) and a known-size vector of Single (n features); a row with a missing label or a missing or infinite feature is skipped with a warning.
/// Output: Score, a vector of K probabilities, its slots named by the label's key values; PredictedLabel, a key of the most probable class, with the label's key values.
/// The Score is NaN, and the key missing, for a row with a missing or infinite feature.
/// <see cref="DeqTrainerOptions.SolveColumns"/> and <see cref="DeqTrainerOptions.StateColumn"/> add how each row was solved, and its equilibrium.</para>
/// </remarks>
public sealed class DeqMulticlassTrainer : NetworkMulticlassTrainer
{
    internal DeqMulticlassTrainer(IHostEnvironment environment, Options options) : base(environment, "DeqMulticlass", options) { }

    /// <summary>The options of <see cref="DeqMulticlassTrainer"/>.</summary>
    public sealed class Options : DeqTrainerOptions
    {
        /// <summary>What training makes small; default cross-entropy without smoothing.</summary>
        public MulticlassLoss Loss = MulticlassLoss.CrossEntropy();

        /// <summary>How much each class counts in the loss; default null: all the same.</summary>
        public ClassWeights? ClassWeights;

        private protected override Loss GetLoss() => Loss;

        private protected override ClassWeights? GetClassWeights() => ClassWeights;
    }
}

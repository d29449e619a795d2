using Microsoft.ML.Runtime;

namespace Deq.MLNet;

/// <summary>Trains a feed-forward network for regression.</summary>
/// <remarks>
/// <para>Made by <c>mlContext.Regression.Trainers.Fnn(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Trainer characteristics</term><description/></listheader>
/// <item><term>Machine learning task</term><description>Regression</description></item>
/// <item><term>Is normalization required?</term><description>No; features and label are standardised in training and the scaling is folded into the weights</description></item>
/// <item><term>Is caching required?</term><description>No; the rows are read once</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>Deq.MLNet; for what Engine.Torch trains also a libtorch package such as libtorch-cpu-linux-x64</description></item>
/// <item><term>Exportable to ONNX</term><description>Yes, by <c>mlContext.Model.SaveOnnx</c></description></item>
/// </list>
/// <para>Input and output columns are those of <see cref="DeqRegressionTrainer"/>, without those of a solve.</para>
/// </remarks>
public sealed class FnnRegressionTrainer : NetworkRegressionTrainer
{
    internal FnnRegressionTrainer(IHostEnvironment environment, Options options) : base(environment, "FnnRegression", options) { }

    /// <summary>The options of <see cref="FnnRegressionTrainer"/>.</summary>
    public sealed class Options : FnnTrainerOptions
    {
        /// <summary>What training makes small; default <see cref="RegressionLoss.Squared"/>.</summary>
        public RegressionLoss Loss = RegressionLoss.Squared;

        private protected override Loss GetLoss() => Loss;
    }
}

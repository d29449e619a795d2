using Deq.MLNet.Training;
using Microsoft.ML.Calibrators;
using Microsoft.ML.Runtime;

namespace Deq.MLNet.Trainers;

/// <summary>Fits Platt's two numbers by ML.NET's own trainer of them, on the scores of rows that did not train the network.</summary>
internal static class Platt
{
    public static PlattCalibration Fit(IHostEnvironment environment, IChannel channel, Network network, TrainingData rows)
    {
        ICalibratorTrainer trainer = new PlattCalibratorTrainer(environment);
        var scratch = new float[network.ScratchSize];
        Span<float> score = stackalloc float[1];
        for (var row = 0; row < rows.Rows; row++)
        {
            network.EvaluateAffine(rows.Row(row).Span, scratch, score);
            trainer.ProcessTrainingExample(score[0], rows.Targets[row] > 0, (float)rows.Weight(row));
        }
        var fitted = (PlattCalibrator)trainer.FinishTraining(channel);
        // ML.NET's exponent has the other sign.
        return new PlattCalibration(-fitted.Slope, -fitted.Offset);
    }
}

using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Commands;

/// <summary>Loads a saved model and writes its scores of the test rows. ML.NET finds the library by itself: nothing is registered, and libtorch is not needed.</summary>
internal static class ScoreSaved
{
    public static int Run(string modelPath, string scoresPath)
    {
        var ml = new MLContext();
        var model = ml.Model.Load(modelPath, out _);
        var scored = model.Transform(Diabetes.Split(ml).TestSet);
        var scores = scored.GetColumn<float>("Score").ToArray();
        File.WriteAllBytes(scoresPath, MemoryMarshal.AsBytes<float>(scores));
        return 0;
    }
}

using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>The features alone, which every row has.</summary>
internal class FeatureRow
{
    [VectorType(TrainerSetup.FeatureCount)]
    public float[] Features { get; set; } = [];
}

/// <summary>A row from which that of every task is made.</summary>
internal sealed class TrainerRow
{
    [VectorType(TrainerSetup.FeatureCount)]
    public float[] Features { get; set; } = [];

    public float Label { get; set; }

    public float Weight { get; set; } = 1;
}

internal sealed class BinaryRow
{
    [VectorType(TrainerSetup.FeatureCount)]
    public float[] Features { get; set; } = [];

    public bool Label { get; set; }

    public float Weight { get; set; } = 1;
}

internal sealed class ClassRow
{
    [VectorType(TrainerSetup.FeatureCount)]
    public float[] Features { get; set; } = [];

    public string Label { get; set; } = "";

    public float Weight { get; set; } = 1;
}

internal sealed class SparseRow
{
    [VectorType(TrainerSetup.FeatureCount)]
    public VBuffer<float> Features { get; set; }
}

/// <summary>Features of no fixed number.</summary>
internal sealed class VariableRow
{
    public float[] Features { get; set; } = [];

    public float Label { get; set; }
}

internal sealed class TrainerScore
{
    public float Score { get; set; }
}

internal sealed class ClassScores
{
    public float[] Score { get; set; } = [];
}

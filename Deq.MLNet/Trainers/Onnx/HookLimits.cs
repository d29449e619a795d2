using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>Where ML.NET's export hooks write something, but not what the transform does: such a step is refused, since a wrong graph is worse than none.</summary>
internal static class HookLimits
{
    /// <summary>Why a column that a step makes cannot be exported; null where nothing is known against it.</summary>
    public static string? Refusal(PipelineStep step, int index)
    {
        var made = step.Schema[index];
        var read = step.Needs([index]).Select(column => column.Type).ToList();
        if (Pipeline.SolveColumns(step).Contains(made.Name))
        {
            return $"{made.Name} tells of the solve of a row, which a graph does not have";
        }
        if (read.Append(made.Type).Any(type => type is VectorDataViewType { IsKnownSize: false }))
        {
            return "it makes or reads a vector of variable size, which a graph over a batch of rows cannot hold";
        }
        return null;
    }
}

namespace Deq.MLNet.Trainers;

/// <summary>A model of this library, whatever its task.</summary>
internal interface INetworkModel
{
    Network Network { get; }

    TrainingHistory History { get; }

    SolveReport? Equilibrium { get; }

    /// <summary>The names of the columns that it adds beside its task's, which tell of the solve of a row.</summary>
    IEnumerable<string> SolveColumns { get; }
}

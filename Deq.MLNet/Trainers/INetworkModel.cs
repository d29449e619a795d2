namespace Deq.MLNet.Trainers;

/// <summary>A model of this library, whatever its task.</summary>
internal interface INetworkModel
{
    Network Network { get; }

    TrainingHistory History { get; }

    SolveReport? Equilibrium { get; }
}

using System.Reflection;
using Xunit.Sdk;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Runs a theory once with each of the six trainers, or with those of the tasks given.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal class AllTrainersAttribute(params TrainerTask[] tasks) : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => TrainerCase.All.Where(c => tasks.Length == 0 || tasks.Contains(c.Task)).Select(c => new object[] { c });
}

/// <summary>Runs a theory once with a trainer of each kind of network: for what hangs on the network and not on the task.</summary>
internal sealed class BothTrainersAttribute() : AllTrainersAttribute(TrainerTask.Regression);

/// <summary>Runs a theory once with each trainer that can add columns, adding them all.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TrainersWithColumnsAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => TrainerCase.WithColumns.Select(c => new object[] { c });
}

using System.Reflection;
using System.Runtime.ExceptionServices;
using Deq.MLNet.Tests.Trainers;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>
/// What ML.NET asks of an estimator and of its transformer, and what a user of a built-in trainer expects beside, for every trainer, for those that add columns also with them, and for one of each network on Torch.
/// The first three contracts have the properties of ML.NET's own TestEstimatorCore.
/// </summary>
public sealed class ConformanceTests
{
    private static readonly MethodInfo[] Properties =
        [.. new[] { typeof(InputContract), typeof(SchemaContract), typeof(ScoringContract), typeof(TrainingContract) }
            .SelectMany(contract => contract.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Public))];

    public static TheoryData<TrainerCase, string> EveryPropertyOfEveryTrainer
    {
        get
        {
            var data = new TheoryData<TrainerCase, string>();
            foreach (var property in Properties)
            {
                foreach (var trainer in TrainerCase.All.Concat(TrainerCase.WithColumns).Concat(TrainerCase.OnTorch))
                {
                    data.Add(trainer, property.Name);
                }
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(EveryPropertyOfEveryTrainer))]
    public void A_trainer_keeps_the_contract_of_its_host(TrainerCase trainer, string property)
    {
        var method = Properties.Single(p => p.Name == property);
        var contract = Activator.CreateInstance(method.DeclaringType!, trainer);
        try
        {
            method.Invoke(contract, null);
        }
        catch (TargetInvocationException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerException!);
        }
    }
}

using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>ML.NET's reductions of many classes to two, over the binary trainers.</summary>
public sealed class ReductionTests
{
    private static readonly TrainerCase Multiclass = TrainerCase.Of(NetworkKind.Deq, TrainerTask.Multiclass);

    private readonly MLContext _context = new(1);

    [Theory, AllTrainers(TrainerTask.Binary)]
    public void One_versus_all_scores_by_one_model_a_class_before_and_after_saving(TrainerCase trainer)
    {
        var data = Multiclass.View(_context);
        var binary = (NetworkBinaryTrainer)trainer.Trainer(_context, o => o.Epochs = 30);
        var model = _context.MulticlassClassification.Trainers.OneVersusAll(binary).Fit(data);

        Right(model, data).Should().BeGreaterThan(0.85);
        model.SavedAndLoaded(data.Schema).Scores(data).Bits().Should().Equal(model.Scores(data).Bits());
        // The probabilities of the classes, each by the model of that class against the others, brought to the sum 1.
        var each = TrainerCase.Classes.Select(name => binary.Fit(Against(data, name)).Scores(data, "Probability")).ToArray();
        var expected = Enumerable.Range(0, 200).SelectMany(row => each.Select(p => p[row] / each.Sum(q => q[row])));
        model.Scores(data).LargestDifference(expected).Should().BeLessThan(1e-6);
    }

    [Theory, AllTrainers(TrainerTask.Binary)]
    public void Pairwise_coupling_scores_by_one_model_a_pair_before_and_after_saving(TrainerCase trainer)
    {
        var data = Multiclass.View(_context);
        var binary = (NetworkBinaryTrainer)trainer.Trainer(_context, o => o.Epochs = 30);
        var model = _context.MulticlassClassification.Trainers.PairwiseCoupling(binary).Fit(data);

        Right(model, data).Should().BeGreaterThan(0.85);
        model.SavedAndLoaded(data.Schema).Scores(data).Bits().Should().Equal(model.Scores(data).Bits());
    }

    [Theory, AllTrainers(TrainerTask.Binary)]
    public void One_versus_all_by_margins_takes_the_scores(TrainerCase trainer)
    {
        var data = Multiclass.View(_context);
        var binary = (NetworkBinaryTrainer)trainer.Trainer(_context, o => o.Epochs = 30);

        var model = _context.MulticlassClassification.Trainers.OneVersusAll(binary, useProbabilities: false).Fit(data);

        Right(model, data).Should().BeGreaterThan(0.85);
        model.Scores(data).Min().Should().BeLessThan(0, "these are no probabilities");
    }

    private double Right(ITransformer model, IDataView data) => _context.MulticlassClassification.Evaluate(model.Transform(data)).MicroAccuracy;

    private IDataView Against(IDataView data, string name) => _context.Data.LoadFromEnumerable(
        data.GetColumn<float[]>("Features").Zip(data.GetColumn<uint>("Label"), (x, key) => new BinaryRow { Features = x, Label = TrainerCase.Classes[key - 1] == name }));
}

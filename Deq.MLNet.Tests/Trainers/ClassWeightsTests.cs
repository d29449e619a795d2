using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class ClassWeightsTests
{
    private readonly MLContext _context = new(1);

    [Theory, AllTrainers(TrainerTask.Binary, TrainerTask.Multiclass)]
    public void A_given_weight_counts_as_the_weight_of_every_row_of_the_class(TrainerCase trainer)
    {
        float[] weights = trainer.Task == TrainerTask.Binary ? [1, 3] : [1, 3, 0.5f];
        var weighted = Rows();
        foreach (var row in weighted)
        {
            row.Weight = weights[trainer.ClassOf(row)];
        }
        // Features as they are: a weight of a row counts in their scaling, that of a class does not.
        void Plain(NetworkTrainerOptions o) => o.NormalizeFeatures = false;

        var byClass = Fit(trainer, ClassWeights.Given(weights), Plain).Weights();

        byClass.Bits().Should().Equal(trainer.Fit(o => { Plain(o); o.ExampleWeightColumnName = "Weight"; }, weighted).Model.Network.Weights().Bits());
        byClass.Should().NotEqual(trainer.Fit(Plain).Model.Network.Weights());
    }

    [Theory, AllTrainers(TrainerTask.Binary, TrainerTask.Multiclass)]
    public void Balanced_weights_are_the_inverse_shares_of_the_classes(TrainerCase trainer)
    {
        var classes = trainer.Task == TrainerTask.Binary ? 2 : 3;
        var shares = Enumerable.Range(0, classes).Select(k => Rows().Count(row => trainer.ClassOf(row) == k) / 200.0);
        float[] inverse = [.. shares.Select(share => (float)(1 / (classes * share)))];

        var balanced = Fit(trainer, ClassWeights.Balanced);

        var given = Fit(trainer, ClassWeights.Given(inverse));
        balanced.Weights().LargestDifference(given.Weights()).Should().BeLessThan(1e-4);
        balanced.Weights().LargestDifference(trainer.Fit().Model.Network.Weights()).Should().BeGreaterThan(1e-3);
    }

    [Theory, AllTrainers(TrainerTask.Binary, TrainerTask.Multiclass)]
    public void Balanced_weights_find_more_of_a_rare_class(TrainerCase trainer)
    {
        // High labels are rare: 10 of the 200 rows.
        var rows = Rows(2000).OrderByDescending(r => r.Label).ToArray();
        rows = [.. rows.Where(r => r.Label >= 5).Take(10), .. rows.Where(r => r.Label < 3.4f).Take(190)];
        int Found(ClassWeights? weights)
        {
            var model = trainer.Fit(o => { o.Epochs = 6; TrainerCase.SetClassWeights(o, weights); }, rows);
            var scored = model.Transform(trainer.View(_context, rows));
            return trainer.Task == TrainerTask.Binary
                ? scored.GetColumn<bool>("PredictedLabel").Take(10).Count(high => high)
                : scored.GetColumn<uint>("PredictedLabel").Take(10).Count(key => key == 3);
        }

        Found(ClassWeights.Balanced).Should().BeGreaterThan(Found(null));
    }

    [Theory, AllTrainers(TrainerTask.Binary, TrainerTask.Multiclass)]
    public void Another_number_of_weights_than_classes_is_refused(TrainerCase trainer)
    {
        var classes = trainer.Task == TrainerTask.Binary ? 2 : 3;

        FluentActions.Invoking(() => Fit(trainer, ClassWeights.Given(1, 2, 3, 4))).Should().Throw<DeqException>().WithMessage($"ClassWeights has 4 weights; the label has {classes} classes*");
        FluentActions.Invoking(() => ClassWeights.Given()).Should().Throw<ArgumentException>().WithMessage("There is no class weight*");
    }

    private static Network Fit(TrainerCase trainer, ClassWeights? weights, Action<NetworkTrainerOptions>? change = null) => trainer.Fit(o =>
    {
        TrainerCase.SetClassWeights(o, weights);
        change?.Invoke(o);
    }).Model.Network;
}

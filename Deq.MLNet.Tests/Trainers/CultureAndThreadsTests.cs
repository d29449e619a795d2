using System.Globalization;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class CultureAndThreadsTests
{
    [Theory, AllTrainers]
    public void The_culture_changes_no_score_and_no_number_in_a_message(TrainerCase trainer)
    {
        var expected = trainer.Fit().Scores(Rows());
        var before = CultureInfo.CurrentCulture;
        foreach (var culture in new[] { "de-DE", "tr-TR" })
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            try
            {
                1.5.ToString(CultureInfo.CurrentCulture).Should().Be("1,5", "the culture is there");
                var context = new MLContext(1);
                var log = new TrainerLog(context);
                var model = trainer.Trainer(context).Fit(trainer.View(context, Rows()));

                ModelZip.Load(model.Saved(null)).Scores(Rows()).Bits().Should().Equal(expected.Bits());
                log.All.Should().Contain(m => m.StartsWith("Epoch 1: training loss ")).And.NotContain(m => m.StartsWith("Epoch") && m.Contains(",0"))
                    .And.OnlyContain(m => !m.StartsWith("Epoch") || System.Text.RegularExpressions.Regex.IsMatch(m, @"iterations \d+\.\d,.* \d+\.\d{3} s\.$"));
                FluentActions.Invoking(() => trainer.Trainer(context, o => o.LearningRate = -0.5f)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("LearningRate is -0.5; *");
                FluentActions.Invoking(() => trainer.Trainer(context, o => o.ValidationFraction = 0.001f).Fit(trainer.View(context, Rows()))).Should().Throw<DeqException>().WithMessage("ValidationFraction 0.001 of*");
                var huge = Rows();
                huge[0].Features[1] = 3e38f;
                FluentActions.Invoking(() => trainer.Trainer(context).Fit(trainer.View(context, huge))).Should().Throw<DeqException>().WithMessage("*in position 1 has the standard deviation 2.12E+37*");
            }
            finally
            {
                CultureInfo.CurrentCulture = before;
            }
        }
    }

    [Fact]
    public void Contexts_that_train_all_trainers_at_once_give_the_weights_that_each_gives_alone()
    {
        static int[] Weights(TrainerCase trainer, int seed)
        {
            var context = new MLContext(seed);
            return trainer.Trainer(context, o => o.Epochs = 10).Fit(trainer.View(context, Rows(200, seed))).Model.Network.Weights().Bits();
        }
        var runs = TrainerCase.All.SelectMany(trainer => new[] { (Trainer: trainer, Seed: 1), (Trainer: trainer, Seed: 2) }).ToArray();
        var alone = runs.Select(run => Weights(run.Trainer, run.Seed)).ToArray();
        var together = new int[runs.Length][];

        var threads = Enumerable.Range(0, runs.Length).Select(i => new Thread(() => together[i] = Weights(runs[i].Trainer, runs[i].Seed))).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        for (var i = 0; i < runs.Length; i++)
        {
            together[i].Should().Equal(alone[i], "of {0}", runs[i]);
        }
        alone.Select(weights => string.Join(',', weights)).Should().OnlyHaveUniqueItems();
    }

    [Theory, AllTrainers]
    public void Prediction_engines_of_many_threads_score_as_one_does(TrainerCase trainer)
    {
        var context = new MLContext(1);
        var model = trainer.Fit();
        var rows = Rows(500, 2);
        var expected = model.Scores(rows).Bits();
        var actual = new int[4][];

        Parallel.For(0, actual.Length, i =>
        {
            var engine = trainer.Engine(context, model);
            actual[i] = rows.SelectMany(engine).Bits();
        });

        actual.Should().AllSatisfy(bits => bits.Should().Equal(expected));
    }
}

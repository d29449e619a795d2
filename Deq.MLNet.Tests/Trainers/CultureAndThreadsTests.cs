using System.Globalization;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class CultureAndThreadsTests
{
    [Theory, BothTrainers]
    public void The_culture_changes_no_score_and_no_number_in_a_message(TrainerKind kind)
    {
        var expected = Fit(kind).Scores(Rows());
        var before = CultureInfo.CurrentCulture;
        foreach (var culture in new[] { "de-DE", "tr-TR" })
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            try
            {
                1.5.ToString(CultureInfo.CurrentCulture).Should().Be("1,5", "the culture is there");
                var context = new MLContext(1);
                var log = new TrainerLog(context);
                var model = context.Trainer(kind).Fit(context.View(Rows()));
                using var file = new MemoryStream();
                context.Model.Save(model, null, file);

                context.Model.Load(file, out _).Scores(Rows()).Bits().Should().Equal(expected.Bits());
                log.All.Should().Contain(m => m.StartsWith("Epoch 1: training loss ")).And.NotContain(m => m.StartsWith("Epoch") && m.Contains(",0"))
                    .And.OnlyContain(m => !m.StartsWith("Epoch") || System.Text.RegularExpressions.Regex.IsMatch(m, @"iterations \d+\.\d,.* \d+\.\d{3} s\.$"));
                FluentActions.Invoking(() => context.Trainer(kind, o => o.LearningRate = -0.5f)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("LearningRate is -0.5; *");
                FluentActions.Invoking(() => context.Trainer(kind, o => o.ValidationFraction = 0.001f).Fit(context.View(Rows()))).Should().Throw<DeqException>().WithMessage("ValidationFraction 0.001 of*");
                var huge = Rows();
                huge[0].Features[1] = 3e38f;
                FluentActions.Invoking(() => context.Trainer(kind).Fit(context.View(huge))).Should().Throw<DeqException>().WithMessage("*in position 1 has the standard deviation 2.12E+37*");
            }
            finally
            {
                CultureInfo.CurrentCulture = before;
            }
        }
    }

    [Theory, BothTrainers]
    public void Contexts_that_train_at_once_give_the_weights_that_each_gives_alone(TrainerKind kind)
    {
        int[] Weights(int seed)
        {
            var context = new MLContext(seed);
            return context.Trainer(kind, o => o.Epochs = 10).Fit(context.View(Rows(200, seed))).Model.Network.Weights().Bits();
        }
        var alone = Enumerable.Range(0, 4).Select(Weights).ToArray();
        var together = new int[4][];

        var threads = Enumerable.Range(0, 4).Select(i => new Thread(() => together[i] = Weights(i))).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        for (var i = 0; i < 4; i++)
        {
            together[i].Should().Equal(alone[i]);
        }
    }

    [Theory, BothTrainers]
    public void Prediction_engines_of_many_threads_score_as_one_does(TrainerKind kind)
    {
        var context = new MLContext(1);
        var model = Fit(kind);
        var rows = Rows(500, 2);
        var expected = model.Scores(rows).Bits();
        var actual = new int[4][];

        Parallel.For(0, actual.Length, i =>
        {
            var engine = context.Model.CreatePredictionEngine<TrainerRow, TrainerScore>(model);
            actual[i] = rows.Select(r => engine.Predict(r).Score).Bits();
        });

        actual.Should().AllSatisfy(bits => bits.Should().Equal(expected));
    }
}

using System.Buffers.Binary;
using Deq.MLNet.Tests.Conformance;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.ModelZip;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers.Scoring;

public sealed class StateColumnChainTests
{
    private readonly MLContext _context = new(1);

    [Theory, TrainersWithColumns]
    public void The_equilibrium_is_the_features_of_what_follows_also_after_loading(TrainerCase trainer)
    {
        var (data, test) = (Labelled(trainer, Rows(300)), Labelled(trainer, Rows(100, 2)));
        var chain = trainer.Trainer(_context)
            .Append(_context.BinaryClassification.Trainers.LbfgsLogisticRegression("IsHigh", "State"))
            .Fit(data);

        var loaded = chain.SavedAndLoaded(data.Schema);

        chain.LastTransformer.Model.SubModel.Weights.Should().HaveCount(TrainerCase.HiddenSize);
        _context.BinaryClassification.Evaluate(chain.Transform(test), "IsHigh").AreaUnderRocCurve.Should().BeGreaterThan(0.9);
        var (before, after) = (chain.Transform(test), loaded.Transform(test));
        after.Schema.Select(c => (c.Name, c.Type)).Should().Equal(before.Schema.Select(c => (c.Name, c.Type)));
        foreach (var column in before.Schema.Where(c => !c.IsHidden).Select(c => c.Name))
        {
            after.Texts(column).Should().Equal(before.Texts(column), "{0}", column);
        }
    }

    [Theory, TrainersWithColumns]
    public void A_loaded_model_adds_the_columns_it_was_trained_to(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        foreach (var (solve, state) in new[] { (false, null), (true, null), (false, "z"), (true, "State of things") })
        {
            var model = trainer.Trainer(_context, o => (((DeqTrainerOptions)o).SolveColumns, ((DeqTrainerOptions)o).StateColumn) = (solve, state)).Fit(data);

            var loaded = model.SavedAndLoaded(data.Schema);

            loaded.Transform(data).Schema.Select(c => (c.Name, c.Type)).Should().Equal(model.Transform(data).Schema.Select(c => (c.Name, c.Type)));
        }
    }

    [Fact]
    public void Columns_that_no_model_has_are_refused_at_loading()
    {
        var data = _context.View(Rows(10));
        var deq = TrainerCase.Deq.Fit(o => ((DeqTrainerOptions)o).StateColumn = "z").Saved(null);
        var fnn = TrainerCase.Fnn.Fit().Saved(null);

        Load(WithSolve(deq, 1)).Transform(data).Schema.Select(c => c.Name).Should().Contain(["Residual", "Iterations", "SolveStatus", "z"]);
        Refused(WithSolve(deq, 2), "2 and \"z\", of a DeqNetwork");
        Refused(WithSolve(fnn, 1), "1 and \"\", of a FnnNetwork");

        void Refused(byte[] zip, string what) => FluentActions.Invoking(() => Load(zip)).Should().Throw<Exception>().Which.GetBaseException()
            .Should().BeOfType<ModelFormatException>().Which.Message.Should().Contain(what);
    }

    /// <summary>The data with a label of two classes beside that of the task.</summary>
    private IDataView Labelled(TrainerCase trainer, TrainerRow[] rows)
    {
        var data = trainer.View(_context, rows);
        return _context.Transforms.CustomMapping<FeatureRow, High>((row, high) => high.IsHigh = 2 * row.Features[0] - row.Features[1] + Math.Max(0, row.Features[2]) > 0, null).Fit(data).Transform(data);
    }

    /// <summary>The zip with the byte changed that says whether columns of the solve are added: it follows ML.NET's header and a number of four bytes.</summary>
    private static byte[] WithSolve(byte[] zip, byte value) => Change(zip, "Model/Model.key", bytes =>
    {
        var start = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16));
        bytes[start + 4].Should().BeLessThan(2);
        bytes[start + 4] = value;
        return bytes;
    }).Zip;

    private sealed class High
    {
        public bool IsHigh { get; set; }
    }
}

using System.Globalization;
using Deq.MLNet.Tests.Training.Torch;
using Microsoft.ML;
using TorchSharp;
using Xunit.Abstractions;

namespace Deq.MLNet.Tests.Trainers;

public sealed class MemoryTests(ITestOutputHelper output)
{
    private const int Rows = 1_000_000;

    /// <summary>A million rows of 16 features of 4 bytes.</summary>
    private const long Matrix = Rows * 16L * sizeof(float);

    [TorchBackendFact(OnLinux = true)]
    public void A_million_rows_take_less_than_two_and_a_half_times_their_size_in_Fit_and_nothing_in_Transform()
    {
        using var app = new TorchBackendFolder();
        foreach (var kind in new[] { "deq", "fnn" })
        {
            // Holding out a share copies the rows once more.
            foreach (var (validationFraction, most) in new[] { ("0", 2.5), ("0.1", 3) })
            {
                var growth = app.Run<Growth>("memory", kind, Rows.ToString(CultureInfo.InvariantCulture), validationFraction);

                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind}, {validationFraction} held out: Fit {growth.Fit / 1e6:F0} MB in {growth.Seconds:F1} s, Transform {growth.Transform / 1e6:F1} MB; the matrix has {Matrix / 1e6:F0} MB"));
                growth.Fit.Should().BeInRange(Matrix, (long)(most * Matrix), "{0}", kind);
                growth.Transform.Should().BeLessThan(Matrix / 2);
            }
        }
    }

    [Theory, AllTrainers]
    public void Epochs_leave_no_tensor_behind(TrainerCase trainer)
    {
        var context = new MLContext(1);
        var live = DisposeScopeManager.Statistics.TensorStatistics;
        trainer.Trainer(context, o => o.Engine = Engine.Torch).Fit(trainer.View(context));
        var before = live.ThreadTotalLiveCount;
        var counts = new List<long>();

        trainer.Trainer(context, o => (o.Engine, o.Epochs, o.BatchSize, o.ValidationFraction, o.OnEpoch) = (Engine.Torch, 20, 32, 0.25f, _ => counts.Add(live.ThreadTotalLiveCount)))
            .Fit(trainer.View(context));

        counts.Should().HaveCount(20).And.OnlyContain(c => c == counts[0] && c > before);
        live.ThreadTotalLiveCount.Should().Be(before);
    }

    private sealed record Growth(long Fit, long Transform, double Seconds);
}

using System.Text;
using CsCheck;
using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

public sealed class TrainingRecordTests
{
    private static readonly double[] Special =
        [double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0, double.Epsilon, double.MaxValue, double.MinValue, 0.1 + 0.2, 1.0 / 3];

    private static readonly SolveReport Report = new(5, 2.2, 3, 1e-7, 2e-7, [3, 1, 0, 0, 1], 0.75);

    [Fact]
    public void A_record_is_read_as_it_was_written_to_the_last_bit() =>
        Gen.OneOf(Gen.OneOfConst(Special), Gen.Double).Array[9].Array[1, 6].Sample(values =>
        {
            var epochs = values.Select((v, i) => new TrainingEpoch(i + 1, v[0], i % 2 == 0 ? v[1] : null, v[2], i % 2 == 0 ? null : v[3], v[4], v[5], 17 + i, v[6], v[7], 3 * i, 5 * i, v[8], v[0])).ToArray();
            var report = values.Length % 2 == 0 ? null : Report with { MeanResidual = values[0][1], WorstResidual = values[0][2], MeanIterations = values[0][3], EstimatedContraction = double.IsNaN(values[0][4]) ? double.NaN : Math.Abs(values[0][4]) };
            var record = new TrainingRecord(new TrainingHistory(epochs, epochs.Length, -3, "cuda:0", Engine.Torch), report);

            var read = Read(Write(record));

            read.History.Epochs.SelectMany(Bits).Should().Equal(epochs.SelectMany(Bits));
            (read.History with { Epochs = epochs }).Should().Be(record.History);
            (read.Equilibrium is null).Should().Be(report is null);
            if (report is not null)
            {
                read.Equilibrium!.RowsByStatus.Should().Equal(report.RowsByStatus);
                Bits(read.Equilibrium).Should().Equal(Bits(report));
            }
        }, iter: 200);

    [Theory]
    [InlineData("\"Epoch\":2", "\"Epoch\":3")]
    [InlineData("\"BestEpoch\":2", "\"BestEpoch\":3")]
    [InlineData("\"BestEpoch\":2", "\"BestEpoch\":0")]
    [InlineData("\"BestEpoch\":2,", "")]
    [InlineData("\"BestEpoch\":2,", "\"BestEpoch\":1,\"BestEpoch\":2,")]
    [InlineData("\"Seed\":7", "\"Seed\":7.5")]
    [InlineData("\"Seed\":7", "\"Seed\":99999999999")]
    [InlineData("\"Seed\":7", "\"Seed\":\"7\"")]
    [InlineData("\"Seed\":7", "\"Seed\":7,\"Unknown\":1")]
    [InlineData("\"Device\":\"cpu\"", "\"Device\":null")]
    [InlineData("\"TrainingLoss\":0.25,", "")]
    [InlineData("\"WorstIterations\":4", "\"WorstIterations\":-4")]
    [InlineData("\"Epochs\":[", "\"Epochs\":[null,")]
    [InlineData("[3,1,0,0,1]", "[3,1,0,0]")]
    [InlineData("[3,1,0,0,1]", "[3,1,0,1,1]")]
    [InlineData("[3,1,0,0,1]", "[3,3,0,0,-1]")]
    [InlineData("[3,1,0,0,1]", "null")]
    [InlineData("\"EstimatedContraction\":0.75", "\"EstimatedContraction\":-0.75")]
    [InlineData(",\"EstimatedContraction\":0.75", "")]
    [InlineData("\"EstimatedContraction\":0.75", "\"EstimatedContraction\":0.75,\"Traces\":[]")]
    [InlineData("\"EstimatedContraction\":0.75", "\"EstimatedContraction\":0.75,\"Unsolved\":1")]
    [InlineData("{\"History\"", "{\"Past\"")]
    [InlineData("\"Calibration\":null", "\"Calibration\":{\"Slope\":\"NaN\",\"Offset\":0}")]
    public void A_record_that_is_incomplete_or_impossible_is_refused(string part, string instead)
    {
        var text = Encoding.UTF8.GetString(Write(Small()));
        text.Should().Contain(part);
        Refused(Encoding.UTF8.GetBytes(text.Replace(part, instead, StringComparison.Ordinal)));
    }

    [Fact]
    public void Bytes_that_are_no_record_are_refused_wherever_they_end()
    {
        var bytes = Write(Small());
        for (var length = 0; length < bytes.Length; length++)
        {
            Refused(bytes[..length]);
        }
        Refused([.. bytes, (byte)'x']);
        Refused("null"u8.ToArray());
        Refused("[]"u8.ToArray());
        Refused(new byte[100]);
        Refused([.. Enumerable.Repeat((byte)'[', 100_000)]);
    }

    private static TrainingRecord Small()
    {
        var epoch = new TrainingEpoch(1, 0.25, null, 0.5, null, 1e-3, 3.5, 4, 1e-5, 1e-5, 0, 0, 0.9, 0.01);
        return new TrainingRecord(new TrainingHistory([epoch, epoch with { Epoch = 2 }], 2, 7, "cpu", Engine.Simd), Report);
    }

    private static void Refused(byte[] bytes) => FluentActions.Invoking(() => Read(bytes)).Should().Throw<ModelFormatException>().WithMessage("The record of the training*");

    private static byte[] Write(TrainingRecord record) => record.ToJson();

    private static TrainingRecord Read(byte[] bytes) => TrainingRecord.FromJson(bytes);

    /// <summary>A flipped bit of a calibration once loaded as another calibration.</summary>
    [Fact]
    public void A_record_whose_bytes_were_changed_is_refused()
    {
        var record = Small() with { Calibration = new PlattCalibration(1.75, -0.25), GivesProbabilities = true };
        using var stream = new MemoryStream();
        record.Write(stream);
        var bytes = stream.ToArray();

        var read = TrainingRecord.Read(new MemoryStream(bytes));
        (read.Calibration, read.GivesProbabilities).Should().Be((record.Calibration, true));
        for (var at = 0; at < bytes.Length; at++)
        {
            var changed = bytes.ToArray();
            changed[at] ^= 1;
            FluentActions.Invoking(() => TrainingRecord.Read(new MemoryStream(changed))).Should().Throw<ModelFormatException>();
            FluentActions.Invoking(() => TrainingRecord.Read(new MemoryStream(bytes[..at]))).Should().Throw<ModelFormatException>();
        }
    }

    /// <summary>Every number of a record of doubles and integers, with no regard to its meaning.</summary>
    private static IEnumerable<long?> Bits(object record) => record.GetType().GetProperties().OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => p.GetValue(record) switch
    {
        double value => BitConverter.DoubleToInt64Bits(value),
        int value => value,
        _ => (long?)null,
    });
}

using System.Runtime.CompilerServices;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using TorchSharp;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class DeviceRowsTests
{
    private const int Rows = 10;

    /// <summary>Room for the rows: for all of them, and for none, by which batches of 3 rows come in blocks of 3, and for blocks of 4.</summary>
    private static readonly long?[] Rooms = [null, 0, 2 * 4 * 6 * sizeof(float)];

    private static readonly TrainingData Data = Setup.Noise(Rows, 3, 2, 1, weighted: true);

    [Theory, OnDevices]
    public void Batches_are_the_rows_given(string device)
    {
        ForEach(device, Data, (rows, type) =>
        {
            Expect(rows.Take(4, 3), [4, 5, 6], type);
            rows.Order([1, 7, 0, 7, 2]);
            Expect(rows.Take(1, 3), [7, 0, 7], type);
        });
        ForEach(device, Data with { Weights = null }, (rows, _) =>
        {
            DeviceReads.Floats(rows.Take(0, Rows).Weight).Should().Equal(Enumerable.Repeat(1f, Rows));
            rows.Order([1, 2]);
            DeviceReads.Floats(rows.Take(0, 2).Weight).Should().Equal(1, 1);
        });
    }

    /// <summary>Whatever ranges are taken in whatever order, and orders given between them: blocks begin where they begin.</summary>
    [Theory, OnDevices]
    public void Any_range_of_any_order_may_be_taken(string device)
    {
        var random = new Random(5);
        ForEach(device, Data, (rows, type) =>
        {
            int[] order = [.. Enumerable.Range(0, Rows)];
            for (var i = 0; i < LongForm.Times(60); i++)
            {
                if (random.Next(4) == 0)
                {
                    random.Shuffle(order);
                    rows.Order(order);
                    // As the training loop does it: what was given is the caller's again.
                    order = [.. order];
                }
                else if (i > 10)
                {
                    var start = random.Next(Rows);
                    var count = 1 + random.Next(Rows - start);
                    Expect(rows.Take(start, count), order.AsSpan(start, count), type);
                }
            }
        });
    }

    [Theory, OnDevices]
    public void Rows_stand_on_the_device_where_there_is_room_for_them_and_come_in_blocks_where_not(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var bytes = Rows * 6 * sizeof(float);
        foreach (var (room, type, blocks) in new (long?, torch.ScalarType, int?)[]
        {
            (null, torch.ScalarType.Float32, null), (bytes, torch.ScalarType.Float32, null), (2 * bytes, torch.ScalarType.Float64, null),
            // Two blocks in the room there is, and a batch at least.
            (bytes - 1, torch.ScalarType.Float32, 4), (bytes, torch.ScalarType.Float64, 3), (0, torch.ScalarType.Float32, 3),
        })
        {
            using var rows = DeviceRows.Create(Data, TensorPlace.On(device, type) with { RoomForRows = room }, 3);
            rows.Should().BeOfType(blocks is null ? typeof(ResidentRows) : typeof(StreamedRows));
            rows.Notice.Should().Be(blocks is not null ? $"The rows do not fit on {device} beside what training needs there: they are copied in blocks of {blocks}."
                : device == "cpu" ? null : $"The rows stand on {device}.");
        }
    }

    /// <summary>Gathering is another thread's work: what goes wrong there is told where the rows are asked for, and the next order is served as if nothing had been.</summary>
    [Theory, OnDevices]
    public void An_order_of_rows_that_do_not_exist_fails_where_they_are_taken(string device)
    {
        TorchBackend.EnsureAvailable(device);
        using var scope = torch.NewDisposeScope();
        using var rows = DeviceRows.Create(Data, TensorPlace.On(device) with { RoomForRows = 0 }, 3);
        rows.Order([0, 1, 2, 3, 400, 5, 6, 7, 8]);
        Expect(rows.Take(0, 3), [0, 1, 2], torch.ScalarType.Float32);
        for (var i = 0; i < 2; i++)
        {
            FluentActions.Invoking(() => rows.Take(3, 3)).Should().Throw<ArgumentException>();
        }
        Expect(rows.Take(6, 3), [6, 7, 8], torch.ScalarType.Float32);
        rows.Order([8, 7, 6, 5, 400]);
        Expect(rows.Take(0, 2), [8, 7], torch.ScalarType.Float32);
        // The block with the row that does not exist is on its way: nobody asks for it any more.
        rows.Order([8, 7, 6, 5]);
        Expect(rows.Take(1, 3), [7, 6, 5], torch.ScalarType.Float32);
    }

    private static void ForEach(string device, TrainingData data, Action<DeviceRows, torch.ScalarType> check)
    {
        TorchBackend.EnsureAvailable(device);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        foreach (var type in new[] { torch.ScalarType.Float32, torch.ScalarType.Float64 })
        {
            foreach (var room in Rooms)
            {
                using var scope = torch.NewDisposeScope();
                using var rows = DeviceRows.Create(data, TensorPlace.On(device, type) with { RoomForRows = room }, 3);
                check(rows, type);
            }
        }
        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(before);
    }

    private static void Expect(DeviceRows.Batch batch, ReadOnlySpan<int> indices, torch.ScalarType type)
    {
        var expected = Data.Select(indices);
        foreach (var (values, rows) in new[] { (batch.X, expected.Features), (batch.Y, expected.Targets), (batch.Weight, expected.Weights!) })
        {
            (values.dtype, values.shape[0], values.is_contiguous()).Should().Be((type, indices.Length, true));
            DeviceReads.Floats(values).Should().Equal(rows);
        }
        if (batch.Rows is not null)
        {
            DeviceReads.Doubles(batch.Rows).Select(r => (int)r).Should().Equal(indices.ToArray());
        }
    }

    /// <summary>On the CPU the tensors are the arrays: nobody else may still hold these, and the collector may neither move nor take them.</summary>
    [Theory, OnDevices]
    public void Rows_live_as_long_as_their_tensors_and_no_longer(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var expected = Setup.Noise(500, 40, 1, 2).Features;
        var (rows, features) = Make(device);
        var pressure = new List<float[]>();
        for (var i = 0; i < 50; i++)
        {
            pressure.Add(new float[20_000]);
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        }

        using (rows)
        {
            using var scope = torch.NewDisposeScope();
            DeviceReads.Floats(rows.Take(0, 500).X).Should().Equal(expected);
            features.IsAlive.Should().Be(device == "cpu");
        }
        GC.Collect();
        features.IsAlive.Should().BeFalse();
        pressure.Should().HaveCount(50);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (DeviceRows Rows, WeakReference Features) Make(string device)
    {
        var data = Setup.Noise(500, 40, 1, 2);
        return (DeviceRows.Create(data, TensorPlace.On(device), 32), new WeakReference(data.Features));
    }
}

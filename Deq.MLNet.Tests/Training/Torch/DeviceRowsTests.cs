using System.Runtime.CompilerServices;
using Deq.MLNet.Training.Torch;
using TorchSharp;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class DeviceRowsTests
{
    [Theory]
    [ClassData(typeof(TrainingDevices))]
    public void Batches_are_the_rows_given(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var data = Setup.Noise(10, 3, 2, 1, weighted: true);
        using var scope = torch.NewDisposeScope();
        foreach (var type in new[] { torch.ScalarType.Float32, torch.ScalarType.Float64 })
        {
            using var rows = new DeviceRows(data, TensorPlace.On(device, type));
            rows.Order([1, 7, 0, 7, 2]);
            foreach (var (batch, indices) in new[] { (rows.Take(1, 3), new[] { 7, 0, 7 }), (rows.Slice(4, 3), [4, 5, 6]) })
            {
                var expected = data.Select(indices);
                batch.X.dtype.Should().Be(type);
                DeviceReads.Floats(batch.X).Should().Equal(expected.Features);
                DeviceReads.Floats(batch.Y).Should().Equal(expected.Targets);
                DeviceReads.Floats(batch.Weight).Should().Equal(expected.Weights);
            }
            using var unweighted = new DeviceRows(data with { Weights = null }, TensorPlace.On(device, type));
            unweighted.Order([1, 2]);
            DeviceReads.Floats(unweighted.Take(0, 2).Weight).Should().Equal(1, 1);
            DeviceReads.Floats(unweighted.Slice(0, 10).Weight).Should().Equal(Enumerable.Repeat(1f, 10));
        }
    }

    /// <summary>On the CPU the tensors are the arrays: nobody else may still hold these, and the collector may neither move nor take them.</summary>
    [Theory]
    [ClassData(typeof(TrainingDevices))]
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
            DeviceReads.Floats(rows.Slice(0, 500).X).Should().Equal(expected);
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
        return (new DeviceRows(data, TensorPlace.On(device)), new WeakReference(data.Features));
    }
}

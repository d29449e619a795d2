using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Deq.MLNet.Storage;
using Deq.MLNet.Training;

namespace Deq.MLNet.Trainers;

/// <summary>
/// The state of a training in a file: mark (8), version and length of the head (int32 each), head as JSON, arrays of float32, SHA-256 of all before it (32);
/// in the byte order of the machine, as a training is resumed where it began.
/// </summary>
internal sealed class CheckpointFile(Checkpoint checkpoint) : ITrainingCheckpoint
{
    private const int Version = 1;
    private const int HeaderSize = 16;

    private TrainingIdentity? _training;

    private static ReadOnlySpan<byte> Mark => "DEQTRAIN"u8;

    public int EveryEpochs => checkpoint.EveryEpochs;

    /// <summary>The seed of the training in the file; null where there is none.</summary>
    public int? ReadSeed() => Read() is { } saved ? int.Parse(saved.Training.Settings[nameof(TrainingSettings.Seed)], CultureInfo.InvariantCulture) : null;

    public TrainingState? Begin(TrainingIdentity training)
    {
        _training = training;
        if (Path.GetDirectoryName(Path.GetFullPath(checkpoint.Path)) is { } folder && !Directory.Exists(folder))
        {
            // Known before hours of training.
            throw new DirectoryNotFoundException($"The folder of the checkpoint {checkpoint.Path} does not exist. Make it, or name another file.");
        }
        if (Read() is not { } saved)
        {
            return null;
        }
        return training.DifferenceFrom(saved.Training, "now", "in the file") is not { } difference
            ? saved.State
            : throw new DeqException($"The checkpoint {checkpoint.Path} is of another training, which differs in {difference}. Delete the file to train from the start, or name another in Checkpoint.");
    }

    public void Write(TrainingState state)
    {
        float[][] arrays = [state.Weights, .. state.Optimizer.Moments, .. state.Best is { } best ? [best.Weights] : Array.Empty<float[]>()];
        var head = JsonSerializer.SerializeToUtf8Bytes(
            new Head(_training!, state.Epochs, state.Optimizer.Steps, state.Best?.Epoch, state.Best?.Loss, [.. arrays.Select(a => a.Length)]), TrainingRecord.Options);
        AtomicFile.Write(checkpoint.Path, stream =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            void Put(ReadOnlySpan<byte> bytes)
            {
                stream.Write(bytes);
                hash.AppendData(bytes);
            }
            Put(Mark);
            Put(BitConverter.GetBytes(Version));
            Put(BitConverter.GetBytes(head.Length));
            Put(head);
            foreach (var array in arrays)
            {
                Put(MemoryMarshal.AsBytes(array.AsSpan()));
            }
            stream.Write(hash.GetHashAndReset());
        });
    }

    private (TrainingIdentity Training, TrainingState State)? Read()
    {
        if (!File.Exists(checkpoint.Path))
        {
            return null;
        }
        ReadOnlySpan<byte> bytes = File.ReadAllBytes(checkpoint.Path);
        if (!bytes.StartsWith(Mark))
        {
            throw Damaged("it does not start with the mark of one");
        }
        if (bytes.Length < HeaderSize + SHA256.HashSizeInBytes || !SHA256.HashData(bytes[..^SHA256.HashSizeInBytes]).AsSpan().SequenceEqual(bytes[^SHA256.HashSizeInBytes..]))
        {
            throw Damaged("its checksum does not fit, so it was cut off or changed");
        }
        if (BitConverter.ToInt32(bytes[8..]) is not Version and var version)
        {
            throw Damaged($"it is of version {version}, and this Deq.MLNet reads version {Version}");
        }
        var content = bytes[HeaderSize..^SHA256.HashSizeInBytes];
        var length = BitConverter.ToInt32(bytes[12..]);
        var head = ReadHead(content[..length]);
        var rest = MemoryMarshal.Cast<byte, float>(content[length..]);
        var arrays = new float[head.Lengths.Length][];
        for (var i = 0; i < arrays.Length; i++)
        {
            arrays[i] = rest[..head.Lengths[i]].ToArray();
            rest = rest[head.Lengths[i]..];
        }
        var best = head.BestEpoch is { } epoch ? new BestWeights(epoch, head.BestLoss!.Value, arrays[^1]) : null;
        var moments = arrays[1..^(best is null ? 0 : 1)];
        return (head.Training, new TrainingState(head.Epochs, arrays[0], new OptimizerState(head.OptimizerSteps, moments), best));
    }

    private Head ReadHead(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<Head>(json, TrainingRecord.Options)!;
        }
        catch (JsonException e)
        {
            throw Damaged($"another version of Deq.MLNet wrote it ({e.Message})");
        }
    }

    private ModelFormatException Damaged(string why) =>
        new($"{checkpoint.Path} is no whole checkpoint of a training: {why}. Delete it to train from the start, or name another file in Checkpoint.");

    private sealed record Head(TrainingIdentity Training, IReadOnlyList<TrainingEpoch> Epochs, long OptimizerSteps, int? BestEpoch, double? BestLoss, int[] Lengths);
}

using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Deq.MLNet.Storage;
using Deq.MLNet.Training;

namespace Deq.MLNet.Trainers;

/// <summary>
/// The state of a training in a file: mark (8), version and length of the head (int32 each), head as JSON, arrays of float32 that are all as long as the first, states of rows in float32 where they are kept, SHA-256 of all before it (32);
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
    public int? ReadSeed() => Read() is not { } saved ? null
        : int.TryParse(saved.Training.Settings.GetValueOrDefault(nameof(TrainingSettings.Seed)), CultureInfo.InvariantCulture, out var seed) ? seed
        : throw Damaged("it has no seed");

    /// <summary>Tells before rows are read and networks trained what would only be found at the first write.</summary>
    public void CheckWritable()
    {
        try
        {
            AtomicFile.CheckWritable(checkpoint.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"No checkpoint can be kept, and nothing was trained. {e.Message} Make a folder that can be written to, or name another file in Checkpoint.", e);
        }
    }

    public TrainingState? Begin(TrainingIdentity training)
    {
        _training = training;
        if (Read() is not { } saved)
        {
            return null;
        }
        return training.DifferenceFrom(saved.Training, "now", "in the file") is not { } difference
            ? saved.State
            : throw new DeqException($"The checkpoint {checkpoint.Path} is of another training, which differs in {difference}. Delete the file to train from the start, or name another in Checkpoint: each training needs its own, so that CrossValidate and OneVersusAll, which train many, cannot have one. To train a finished model further, start from it: Fit(trainData, modelParameters: ...).");
    }

    public void Write(TrainingState state)
    {
        float[][] arrays = [state.Weights, .. state.Optimizer.Moments, .. state.Best is { } best ? [best.Weights] : Array.Empty<float[]>(), .. state.States is { } states ? [states] : Array.Empty<float[]>()];
        var head = JsonSerializer.SerializeToUtf8Bytes(
            new Head(_training!, state.Epochs, state.Optimizer.Steps, state.Optimizer.Moments.Count, state.Best?.Epoch, state.States?.Length, state.Optimizer.Numbers), TrainingRecord.Options);
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

    public ModelFormatException Damaged(string why) =>
        new($"{checkpoint.Path} is no whole checkpoint of a training: {why}. Delete it to train from the start, or name another file in Checkpoint.");

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
        if (length < 0 || length > content.Length)
        {
            throw Damaged($"its head is said to have {length} of {content.Length} bytes");
        }
        var head = ReadHead(content[..length]);
        var numbers = content[length..];
        var states = ReadStates(ref numbers, head.States);
        var arrays = ReadArrays(numbers, head.Moments + (head.BestEpoch is null ? 1L : 2L));
        var best = head.BestEpoch is { } epoch ? new BestWeights(epoch, head.Epochs[epoch - 1].ValidationLoss!.Value, arrays[^1]) : null;
        return (head.Training, new TrainingState(head.Epochs, arrays[0], new OptimizerState(head.OptimizerSteps, arrays[1..(1 + head.Moments)]) { Numbers = head.OptimizerNumbers }, best, states));
    }

    private Head ReadHead(ReadOnlySpan<byte> json)
    {
        Head head;
        try
        {
            head = JsonSerializer.Deserialize<Head>(json, TrainingRecord.Options) ?? throw new JsonException("There is null.");
        }
        catch (JsonException e)
        {
            throw Damaged($"another version of Deq.MLNet wrote it ({e.Message})");
        }
        if (TrainingRecord.WhyImpossible(head.Epochs, head.BestEpoch ?? head.Epochs.Count) is { } why)
        {
            throw Damaged(why);
        }
        if (head.Epochs.Count == 0)
        {
            throw Damaged("it has no epochs");
        }
        if (head.BestEpoch is { } best && head.Epochs[best - 1].ValidationLoss is null)
        {
            throw Damaged($"its best epoch, {best}, has no validation loss");
        }
        return head is { OptimizerSteps: >= 0, Moments: >= 0 } ? head : throw Damaged($"its optimizer has {head.OptimizerSteps} steps and {head.Moments} moments");
    }

    /// <summary>Takes the states of rows off the end of the numbers.</summary>
    private float[]? ReadStates(ref ReadOnlySpan<byte> numbers, int? length)
    {
        if (length is not { } count)
        {
            return null;
        }
        var start = numbers.Length - (long)count * sizeof(float);
        if (count < 0 || start < 0)
        {
            throw Damaged($"it is said to keep {count} values of states in {numbers.Length} bytes of numbers");
        }
        var states = MemoryMarshal.Cast<byte, float>(numbers[(int)start..]).ToArray();
        numbers = numbers[..(int)start];
        return states;
    }

    private float[][] ReadArrays(ReadOnlySpan<byte> bytes, long count)
    {
        if (bytes.IsEmpty || bytes.Length % (count * sizeof(float)) != 0)
        {
            throw Damaged($"its {bytes.Length} bytes of numbers are not {count} arrays of one length");
        }
        var arrays = new float[count][];
        var size = bytes.Length / arrays.Length;
        for (var i = 0; i < arrays.Length; i++)
        {
            arrays[i] = MemoryMarshal.Cast<byte, float>(bytes.Slice(i * size, size)).ToArray();
        }
        return arrays;
    }

    private sealed record Head(TrainingIdentity Training, IReadOnlyList<TrainingEpoch> Epochs, long OptimizerSteps, int Moments, int? BestEpoch, int? States, IReadOnlyList<double> OptimizerNumbers);
}

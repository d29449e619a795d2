using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Deq.MLNet.Training;

/// <summary>What is known of how a network came about, as JSON. Doubles are written exactly, NaN and infinities by name.</summary>
/// <param name="History">The training, epoch by epoch.</param>
/// <param name="Equilibrium">How the equilibria of training rows are found in scoring; null for a feed-forward network.</param>
/// <param name="Calibration">For two classes Platt's two numbers; null where they are not needed, or there were no validation rows.</param>
/// <param name="GivesProbabilities">Whether what was trained is a probability without further ado.</param>
internal sealed record TrainingRecord(TrainingHistory History, SolveReport? Equilibrium, PlattCalibration? Calibration = null, bool GivesProbabilities = false)
{
    /// <summary>How this library writes JSON, and how strictly it reads it: nothing may lack, be unknown or be null that must not.</summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
        // Given here, it serves also in an app that switches the serializer's reflection off.
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>Writes the record beside the SHA-256 of its bytes.</summary>
    public void Write(Stream stream)
    {
        var record = ToJson();
        using var writer = new Utf8JsonWriter(stream);
        writer.WriteStartObject();
        writer.WriteString(nameof(Checked.Sha256), Convert.ToHexString(SHA256.HashData(record)));
        writer.WritePropertyName(nameof(Checked.Record));
        writer.WriteRawValue(record);
        writer.WriteEndObject();
    }

    /// <summary>Reads a record that takes all the rest of a stream, with memory in proportion to the bytes that are there.</summary>
    /// <exception cref="ModelFormatException">The bytes are not one whole record, they were changed, or it is of no training.</exception>
    public static TrainingRecord Read(Stream stream)
    {
        try
        {
            var whole = JsonSerializer.Deserialize<Checked>(stream, Options) ?? throw new JsonException("There is null.");
            var record = JsonMarshal.GetRawUtf8Value(whole.Record);
            return whole.Sha256 == Convert.ToHexString(SHA256.HashData(record))
                ? FromJson(record)
                : throw new ModelFormatException("The checksum of the record of the training does not fit: the bytes were changed after saving. Save or copy the model again.");
        }
        catch (JsonException e)
        {
            throw Unreadable(e);
        }
    }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Options);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="ModelFormatException">The bytes are not one whole record, or it is of no training.</exception>
    public static TrainingRecord FromJson(ReadOnlySpan<byte> json)
    {
        try
        {
            var record = JsonSerializer.Deserialize<TrainingRecord>(json, Options) ?? throw new JsonException("There is null.");
            if (WhyImpossible(record.History.Epochs, record.History.BestEpoch) is { } why)
            {
                throw Impossible(why);
            }
            // Nothing was at work where nothing was trained.
            if (record.History.Epochs.Count == 0 ? record.History.Engine != Engine.Auto : record.History.Engine is not (Engine.Torch or Engine.Simd or Engine.Direct))
            {
                throw Impossible($"it is said to be of the engine {record.History.Engine}");
            }
            if (record.Equilibrium is { } report)
            {
                Check(report);
            }
            return record;
        }
        catch (Exception e) when (e is JsonException or ArgumentOutOfRangeException)
        {
            throw Unreadable(e);
        }
    }

    /// <summary>Why epochs that were read, and the best of them, are of no training; null where they may be.</summary>
    public static string? WhyImpossible(IReadOnlyList<TrainingEpoch> epochs, int bestEpoch)
    {
        for (var i = 0; i < epochs.Count; i++)
        {
            // A null in a list is nothing that the serializer would refuse.
            if (epochs[i] is not { } epoch || epoch.Epoch != i + 1 || epoch.WorstIterations < 0 || epoch.UnsolvedRows < 0 || epoch.UnsolvedGradientRows < 0)
            {
                return $"entry {i + 1} of its epochs is {epochs[i]?.ToString() ?? "null"}";
            }
        }
        return bestEpoch < Math.Min(1, epochs.Count) || bestEpoch > epochs.Count ? $"the best of {epochs.Count} epochs is said to be {bestEpoch}" : null;
    }

    private static void Check(SolveReport report)
    {
        var statuses = Enum.GetValues<SolveStatus>().Length;
        if (report.RowsByStatus.Count != statuses || report.RowsByStatus.Any(rows => rows < 0) || report.RowsByStatus.Sum(rows => (long)rows) != report.Rows || report.WorstIterations < 0)
        {
            throw Impossible($"{report.Rows} rows are said to have ended with the {statuses} statuses in these numbers: {string.Join(", ", report.RowsByStatus)}");
        }
        if (report.EstimatedContraction < 0 || report.Traces is not null)
        {
            throw Impossible(FormattableString.Invariant($"a contraction factor was estimated as {report.EstimatedContraction}, with {report.Traces?.Count ?? 0} traces, which no model keeps"));
        }
    }

    private static ModelFormatException Impossible(string what) => new($"The record of the training is impossible: {what}. Save or copy the model again.");

    // Not as an inner exception: behind ML.NET's own exceptions this one is found as the innermost.
    private static ModelFormatException Unreadable(Exception e) => new($"The record of the training cannot be read: {e.Message} Save or copy the model again.");

    /// <summary>A record beside its checksum.</summary>
    private sealed record Checked(string Sha256, JsonElement Record);
}

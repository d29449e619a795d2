using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Deq.MLNet.Training;

/// <summary>What is known of how a network came about, as JSON. Doubles are written exactly, NaN and infinities by name.</summary>
/// <param name="History">The training, epoch by epoch.</param>
/// <param name="Equilibrium">How the equilibria of training rows are found in scoring; null for a feed-forward network.</param>
internal sealed record TrainingRecord(TrainingHistory History, SolveReport? Equilibrium)
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

    public void Write(Stream stream) => JsonSerializer.Serialize(stream, this, Options);

    /// <summary>Reads a record that takes all the rest of a stream, with memory in proportion to the bytes that are there.</summary>
    /// <exception cref="ModelFormatException">The bytes are not one whole record, or it is of no training.</exception>
    public static TrainingRecord Read(Stream stream)
    {
        try
        {
            var record = JsonSerializer.Deserialize<TrainingRecord>(stream, Options) ?? throw new JsonException("There is null.");
            if (WhyImpossible(record.History.Epochs, record.History.BestEpoch) is { } why)
            {
                throw Impossible(why);
            }
            if (record.Equilibrium is { } report)
            {
                Check(report);
            }
            return record;
        }
        catch (JsonException e)
        {
            // Not as an inner exception: behind ML.NET's own exceptions this one is found as the innermost.
            throw new ModelFormatException($"The record of the training cannot be read: {e.Message} Save or copy the model again.");
        }
    }

    /// <summary>Why epochs that were read, and the best of them, are of no training; null where they may be.</summary>
    public static string? WhyImpossible(IReadOnlyList<TrainingEpoch> epochs, int bestEpoch)
    {
        for (var i = 0; i < epochs.Count; i++)
        {
            // A null in a list is nothing that the serializer would refuse.
            if (epochs[i] is not { } epoch || epoch.Epoch != i + 1 || epoch.WorstIterations < 0)
            {
                return $"entry {i + 1} of its epochs is {epochs[i]?.ToString() ?? "null"}";
            }
        }
        return bestEpoch < 1 || bestEpoch > epochs.Count ? $"the best of {epochs.Count} epochs is said to be {bestEpoch}" : null;
    }

    private static void Check(SolveReport report)
    {
        var statuses = Enum.GetValues<SolveStatus>().Length;
        if (report.RowsByStatus.Count != statuses || report.RowsByStatus.Any(rows => rows < 0) || report.RowsByStatus.Sum(rows => (long)rows) != report.Rows || report.WorstIterations < 0)
        {
            throw Impossible($"{report.Rows} rows are said to have ended with the {statuses} statuses in these numbers: {string.Join(", ", report.RowsByStatus)}");
        }
    }

    private static ModelFormatException Impossible(string what) => new($"The record of the training is impossible: {what}. Save or copy the model again.");
}

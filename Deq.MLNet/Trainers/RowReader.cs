using Deq.MLNet.Training;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet.Trainers;

/// <summary>Reads the rows of a data view into arrays. Rows with a missing feature or label, or a weight that is not positive, are skipped and counted.</summary>
internal static class RowReader
{
    private const int RowsBetweenChecks = 1000;

    public static TrainingData Read(RoleMappedData data, string purpose, IChannel channel, Action checkCancelled)
    {
        data.CheckFeatureFloatVector(out var featureCount);
        data.CheckOptFloatWeight();
        var weighted = data.Schema.Weight.HasValue;
        var columns = CursOpt.Features | CursOpt.Label | (weighted ? CursOpt.Weight : default);
        if (data.Data.GetRowCount() is { } expected)
        {
            CheckSize(expected, featureCount, purpose, channel);
        }
        using var features = new RowBlocks(featureCount);
        using var targets = new RowBlocks(1);
        using var weights = weighted ? new RowBlocks(1) : null;
        using var cursor = new Cursor(data, columns, checkCancelled);
        while (cursor.MoveNext())
        {
            CheckSize(targets.Count + 1, featureCount, purpose, channel);
            cursor.Features.CopyTo(features.Add());
            targets.Add()[0] = cursor.Label;
            if (weights is not null)
            {
                weights.Add()[0] = cursor.Weight;
            }
        }
        if (targets.Count == 0)
        {
            throw channel.Except($"No {purpose} rows: {cursor.SkippedRowCount} rows were read, {Reasons(cursor)}.");
        }
        if (cursor.SkippedRowCount > 0)
        {
            channel.Warning($"Skipped {cursor.SkippedRowCount} of {cursor.SkippedRowCount + cursor.KeptRowCount} {purpose} rows, {Reasons(cursor)}.");
        }
        return new TrainingData(featureCount, 1, features.TakeAll(), targets.TakeAll(), weights?.TakeAll());
    }

    private static string Reasons(Cursor cursor) =>
        $"{cursor.BadFeaturesRowCount} of them with a missing or infinite feature{(cursor.BadFeaturesRowCount > 0 ? " (put ReplaceMissingValues before the trainer to keep them)" : "")}, {cursor.BadLabelCount} with such a label, {cursor.BadWeightCount} with a weight that is not positive";

    private static void CheckSize(long rows, int features, string purpose, IChannel channel)
    {
        if (rows * features > Array.MaxLength)
        {
            throw channel.Except($"The {purpose} data has {rows} rows or more of {features} features: {rows * features} values, which do not fit in memory as one block of {Array.MaxLength} at most. Rows are held dense: train on fewer of them, or on fewer features.");
        }
    }

    /// <summary>Also skipped rows count until the next check.</summary>
    private sealed class Cursor(RoleMappedData data, CursOpt columns, Action checkCancelled) : FloatLabelCursor(data, columns)
    {
        private int _rows;

        public override bool Accept()
        {
            if (_rows++ % RowsBetweenChecks == 0)
            {
                checkCancelled();
            }
            return base.Accept();
        }
    }
}

using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Deq.MLNet.Training;

/// <summary>What a training's result depends on, but for the machine: two of the same identity give the same weights.</summary>
/// <param name="Settings">Every setting by its name, in the invariant culture; not the number of threads.</param>
/// <param name="Rows">A digest of the training rows, in their order.</param>
/// <param name="ValidationRows">A digest of the validation rows that were given; empty without them.</param>
/// <param name="Start">A digest of the model to start from; empty without one.</param>
internal sealed record TrainingIdentity(IReadOnlyDictionary<string, string> Settings, string Rows, string ValidationRows, string Start)
{
    public static TrainingIdentity Of(TrainingSettings settings, TrainingData data, TrainingData? validation, Network? initial)
    {
        var described = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Describe("", settings with { Threads = null }, described);
        return new TrainingIdentity(described, Digest(data), validation is null ? "" : Digest(validation), initial is null ? "" : Digest(initial));
    }

    /// <summary>In what another training differs from this one, in words; null where it is the same.</summary>
    /// <param name="other">The other training.</param>
    /// <param name="here">How the values of this one are referred to.</param>
    /// <param name="there">How those of the other are.</param>
    public string? DifferenceFrom(TrainingIdentity other, string here, string there)
    {
        // A setting that only one kind of optimizer, say, has follows from the kind, which both have.
        var differences = Settings.Where(s => other.Settings.TryGetValue(s.Key, out var value) && value != s.Value)
            .Select(s => $"{s.Key} ({s.Value} {here}, {other.Settings[s.Key]} {there})").ToList();
        void Compare(string what, string mine, string others)
        {
            if (mine != others)
            {
                differences.Add(what);
            }
        }
        Compare("the training rows", Rows, other.Rows);
        Compare("the validation rows", ValidationRows, other.ValidationRows);
        Compare("the model to start from", Start, other.Start);
        return differences.Count == 0 ? null : string.Join(", ", differences);
    }

    /// <summary>Plain values by their text, lists in brackets, and records by the name of their type and then property by property.</summary>
    private static void Describe(string name, object? value, SortedDictionary<string, string> into)
    {
        if (value is null or string or bool or IFormattable or IEnumerable)
        {
            into[name] = Text(value);
            return;
        }
        into[name] = value.GetType().Name;
        foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            Describe(name.Length == 0 ? property.Name : $"{name}.{property.Name}", property.GetValue(value), into);
        }
    }

    private static string Text(object? value) => value switch
    {
        null => "null",
        string text => text,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IEnumerable list => $"[{string.Join(", ", list.Cast<object?>().Select(Text))}]",
        _ => value.ToString()!,
    };

    private static string Digest(TrainingData data) => Digest(data.Features, data.Targets, data.Weights ?? ReadOnlyMemory<float>.Empty);

    private static string Digest(Network network) => network switch
    {
        DeqNetwork deq => Digest(deq.W, deq.U, deq.B, deq.V, deq.C),
        FnnNetwork fnn => Digest([.. fnn.Layers.SelectMany(l => new[] { l.Weights, l.Bias })]),
        _ => throw new NotSupportedException($"{network.GetType().Name} has no digest."),
    };

    private static string Digest(params ReadOnlyMemory<float>[] arrays)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var array in arrays)
        {
            // With the lengths, no two lists of arrays have the same bytes.
            hash.AppendData(BitConverter.GetBytes(array.Length));
            hash.AppendData(MemoryMarshal.AsBytes(array.Span));
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}

using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>What a training's result depends on, but for the machine: two of the same identity give the same weights.</summary>
/// <param name="Settings">Every setting by its name, in the invariant culture; not the number of threads. The version of this library is one of them: another may train otherwise by the same.</param>
/// <param name="Rows">A digest of the training rows, in their order.</param>
/// <param name="ValidationRows">A digest of the validation rows that were given; empty without them.</param>
/// <param name="Start">A digest of the model to start from; empty without one.</param>
internal sealed record TrainingIdentity(IReadOnlyDictionary<string, string> Settings, string Rows, string ValidationRows, string Start)
{
    /// <summary>Settings that follow from others.</summary>
    private static readonly string[] Derived = [nameof(TrainingSettings.GivesProbabilities), "Architecture.TrainingBound"];

    /// <summary>What stands in the place of <see cref="Auto"/> goes by the rule.</summary>
    private static readonly string[] DerivedFromRule = ["Architecture.Solver", "Architecture.GradientSolver"];

    /// <summary>Ends of the names of types that users know without: by the factory that makes them.</summary>
    private static readonly string[] Suffixes = [nameof(Initialization), "Schedule", "Loss", nameof(ClassWeights), nameof(Architecture)];

    /// <summary>Where a setting, or those within it, has another name than the option that a user sets.</summary>
    private static readonly (string Setting, string Option)[] Options =
    [
        ("Architecture.StateSize", "HiddenSize"), ("Architecture.Rule", "WellPosedness"), ("Architecture.Scoring.Tolerance", "ScoringTolerance"), ("Architecture.Scoring.", ""), ("Architecture.", ""),
        ("Architecture", "the kind of network"), ("Schedule", "LearningRateSchedule"), ("NormalizeTargets", "NormalizeLabel"), ("Outputs", "the number of classes"), ("Engines", "Engine"),
    ];

    public static TrainingIdentity Of(TrainingSettings settings, TrainingData data, TrainingData? validation, Network? initial)
    {
        var described = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["LibraryVersion"] = Library.Version };
        DescribeProperties("", settings with { Threads = null }, described);
        return new TrainingIdentity(described, Digest(data), validation is null ? "" : Digest(validation), initial is null ? "" : Digest(initial));
    }

    /// <summary>In what another training differs from this one, in words; null where it is the same.</summary>
    /// <param name="other">The other training.</param>
    /// <param name="here">How the values of this one are referred to.</param>
    /// <param name="there">How those of the other are.</param>
    public string? DifferenceFrom(TrainingIdentity other, string here, string there)
    {
        var differing = Settings.Keys.Union(other.Settings.Keys).Where(key => !Derived.Contains(key) && Setting(key) != other.Setting(key)).ToHashSet(StringComparer.Ordinal);
        if (differing.Contains("Architecture.Rule"))
        {
            differing.RemoveWhere(key => DerivedFromRule.Any(solver => key == solver || key.StartsWith($"{solver}.", StringComparison.Ordinal)));
        }
        // What an optimizer, say, is set to follows from its kind: where that differs, it says enough.
        var differences = differing.Where(key => !Parents(key).Any(differing.Contains)).Select(key => (Key: key, Option: OptionOf(key)))
            .OrderBy(d => d.Option, StringComparer.Ordinal).DistinctBy(d => d.Option) // that can be in several settings
            .Select(d => $"{d.Option} ({Setting(d.Key)} {here}, {other.Setting(d.Key)} {there})").ToList();
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

    private static string OptionOf(string key)
    {
        var (setting, option) = Options.FirstOrDefault(o => key.StartsWith(o.Setting, StringComparison.Ordinal));
        return setting is null ? key : option + key[setting.Length..];
    }

    /// <summary>The value of a setting in words: one that a file lacks was of a version without the option.</summary>
    private string Setting(string key) => Settings.GetValueOrDefault(key) ?? "absent";

    /// <summary>Of A.B.C, A and A.B.</summary>
    private static IEnumerable<string> Parents(string key) => key.Select((c, i) => c == '.' ? key[..i] : "").Where(parent => parent.Length > 0);

    /// <summary>Plain values by their text, lists in brackets, rules as they are written, and other records by the name of their type and then property by property.</summary>
    private static void Describe(string name, object? value, SortedDictionary<string, string> into)
    {
        if (value is null or string or bool or IFormattable or IEnumerable or WellPosedness)
        {
            into[name] = Text(value);
            return;
        }
        into[name] = NameOf(value.GetType());
        DescribeProperties($"{name}.", value, into);
    }

    private static string NameOf(Type type) => !type.IsPublic && Array.Find(Suffixes, suffix => type.Name.EndsWith(suffix, StringComparison.Ordinal)) is { } end ? type.Name[..^end.Length] : type.Name;

    private static void DescribeProperties(string prefix, object value, SortedDictionary<string, string> into)
    {
        foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            Describe(prefix + property.Name, property.GetValue(value), into);
        }
    }

    private static string Text(object? value) => value switch
    {
        null => "null",
        string text => text,
        float[] values => Digest(values),
        // As the user wrote it.
        double number when (float)number == number => ((float)number).ToString(CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IEnumerable list => $"[{string.Join(", ", list.Cast<object?>().Select(Text))}]",
        _ => value.ToString()!,
    };

    private static string Digest(TrainingData data) => Digest(data.Features, data.Targets, data.Weights ?? ReadOnlyMemory<float>.Empty);

    private static string Digest(Network network) => network switch
    {
        DeqNetwork deq => Digest([.. deq.Weights.Arrays.Select(a => a.Values)]),
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

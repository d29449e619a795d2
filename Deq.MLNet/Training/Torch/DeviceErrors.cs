using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Deq.MLNet.Training.Torch;

/// <summary>Says in words of the options what it means that libtorch fails in a training. TorchSharp throws one type of exception for all that its native part says.</summary>
internal sealed partial class DeviceErrors(TrainingSettings settings, TensorPlace place)
{
    /// <summary>What libtorch, cuBLAS and cuSOLVER say where memory is short.</summary>
    private static readonly string[] OfMemory = ["out of memory", "can't allocate memory", "not enough memory", "_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED"];

    /// <summary>What libtorch says of a device, and what to do.</summary>
    private static readonly (string Says, string Remedy)[] Remedies =
    [
        ("no kernel image", "This libtorch is not built for the device's compute capability. Take a build that is, or set Device to \"cpu\"."),
        ("driver version is insufficient", "NVIDIA's driver is older than this libtorch asks for. Update it, or set Device to \"cpu\"."),
        ("CUDA error", "The device is of no use to this process after such an error. Start the process again."),
    ];

    public static bool IsOfMemory(ExternalException failure) => OfMemory.Any(failure.Message.Contains);

    /// <summary>Works on the device.</summary>
    /// <param name="what">The work, in words.</param>
    /// <param name="rows">How many rows it is on; 0 for none.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="DeviceMemoryException">The device has not the memory.</exception>
    /// <exception cref="TorchBackendException">Anything else in libtorch.</exception>
    public T At<T>(string what, int rows, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ExternalException failure)
        {
            throw Explain(failure, what, rows);
        }
    }

    /// <inheritdoc cref="At{T}"/>
    public void At(string what, int rows, Action work) => At(what, rows, () =>
    {
        work();
        return 0;
    });

    /// <summary>The exception for what libtorch threw.</summary>
    internal DeqException Explain(ExternalException failure, string what, int rows)
    {
        var device = TorchBackendCuda.Driver.NameOf(place.Device.ToString());
        var of = rows > 0 ? $"{what} of {rows} rows" : what;
        var reason = failure.Message.Split('\n', 2)[0].Trim();
        if (IsOfMemory(failure))
        {
            var asked = Asked(failure.Message) is { } bytes ? $", which asked for {bytes} more" : "";
            return new DeviceMemoryException($"{device} has not enough memory for {of} with {Size}{asked}. Set {Advice(rows)}, or Device to one with more memory. libtorch says: {reason}", failure);
        }
        var remedy = Array.Find(Remedies, r => failure.Message.Contains(r.Says)).Remedy;
        return new TorchBackendException($"libtorch failed on {device}, at {of} with {Size}: {reason.TrimEnd('.')}.{(remedy is null ? "" : $" {remedy}")}", failure);
    }

    private string Size => settings.Architecture is DeqArchitecture deq
        ? deq.Cell == DeqCell.DiagonalLinear ? "a state for each feature" : $"{deq.StateSize} states{(deq.EncoderSizes.Count == 0 ? "" : $" and encoder layers of {string.Join(", ", deq.EncoderSizes)}")}"
        : $"layers of {string.Join(", ", ((FnnArchitecture)settings.Architecture).HiddenSizes)}";

    private string Advice(int rows)
    {
        var changes = new List<string>();
        // Where the rows are a batch's, or an evaluation's whose size follows the batch's, fewer of them help.
        if (rows > 1 && rows <= settings.BatchSize)
        {
            changes.Add($"BatchSize (now {settings.BatchSize}) to {rows / 2} or less");
        }
        if (settings.Architecture is DeqArchitecture deq)
        {
            if (deq.WarmStart)
            {
                changes.Add("WarmStart to false");
            }
            if (rows > 0 && new[] { deq.Solver, deq.GradientSolver }.Any(s => s is Anderson or Broyden))
            {
                changes.Add("a smaller memory of the Solver");
            }
            if (rows > 0 && deq.Solver is Auto)
            {
                changes.Add("Solver to Picard");
            }
            changes.Add("HiddenSize lower");
        }
        else
        {
            changes.Add("HiddenSizes lower");
        }
        return string.Join(", ", changes);
    }

    /// <summary>How much was asked for; null where the message does not tell.</summary>
    private static string? Asked(string message) =>
        TriedToAllocate().Match(message) is not { Success: true } match ? null
        : match.Groups["unit"].Value == "bytes" ? Bytes(long.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture))
        : $"{match.Groups["number"]} {match.Groups["unit"]}";

    /// <summary>A number of bytes as a person reads it.</summary>
    internal static string Bytes(long bytes)
    {
        string[] units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
        var unit = Math.Clamp((long.Log2(Math.Max(bytes, 1))) / 10, 0, units.Length - 1);
        return FormattableString.Invariant($"{bytes / Math.Pow(1024, unit):0.##} {units[unit]}");
    }

    // CUDA: "Tried to allocate 20.00 GiB."; the CPU: "you tried to allocate 1024 bytes."
    [GeneratedRegex(@"[Tt]ried to allocate (?<number>\d+(\.\d+)?) (?<unit>bytes|[KMGT]iB)")]
    private static partial Regex TriedToAllocate();
}

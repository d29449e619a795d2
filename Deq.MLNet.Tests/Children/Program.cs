using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Deq.MLNet;
using Microsoft.ML;
using Microsoft.ML.Data;
using TorchSharp;

// Prints one line of JSON; anything else on the output was written by a library.
if (args is ["score", var modelFile, var rowsFile, var column])
{
    Score(modelFile, rowsFile, column);
    return;
}

if (args is ["memory", var kind, var rows, var validationFraction])
{
    Console.WriteLine(JsonSerializer.Serialize(MemoryFigures.Measure(kind, int.Parse(rows, CultureInfo.InvariantCulture), float.Parse(validationFraction, CultureInfo.InvariantCulture))));
    return;
}

if (args is ["train", var engine, var what])
{
    Train(Enum.Parse<Engine>(engine), what);
    return;
}

// Asks for a device and uses it. Arguments: the device, and whether to fall back to the CPU.
string? device = null, error = null;
float? sum = null;
try
{
    device = TorchBackend.EnsureAvailable(args[0], bool.Parse(args[1]));
    sum = SumOfOnes(device, 3);
}
catch (Exception e) when (e is TorchBackendException or ArgumentException)
{
    error = $"{e.GetType().Name}: {e.Message}";
}
Console.WriteLine(JsonSerializer.Serialize(new { Device = device, Error = error, Sum = sum, Info = TorchBackend.Describe() }));

[MethodImpl(MethodImplOptions.NoInlining)]
static float SumOfOnes(string device, long count)
{
    using var scope = torch.NewDisposeScope();
    return torch.ones(count, device: torch.device(device)).sum().item<float>();
}

// Loads and scores with ML.NET's own types alone, and tells which files the process has mapped at the end.
[MethodImpl(MethodImplOptions.NoInlining)]
static void Score(string modelFile, string rowsFile, string column)
{
    var context = new MLContext();
    var model = context.Model.Load(modelFile, out _);
    var scored = model.Transform(context.Data.LoadFromBinary(rowsFile));
    var scores = scored.Schema[column].Type is VectorDataViewType ? scored.GetColumn<float[]>(column).SelectMany(v => v).ToArray() : [.. scored.GetColumn<float>(column)];
    var mapped = File.ReadLines("/proc/self/maps").Where(line => line.Contains('/')).Select(line => Path.GetFileName(line)).Distinct();
    Console.WriteLine(JsonSerializer.Serialize(new { Bits = scores.Select(BitConverter.SingleToInt32Bits), Mapped = mapped }));
}

// Trains on y = x0 - x1 and tells with what, or why not.
[MethodImpl(MethodImplOptions.NoInlining)]
static void Train(Engine engine, string what)
{
    var context = new MLContext(1);
    var infos = new List<string>();
    context.Log += (_, e) => infos.Add(e.RawMessage);
    var random = new Random(1);
    var rows = Enumerable.Range(0, 400).Select(_ => new float[] { random.NextSingle(), random.NextSingle() }).Select(x => new TrainedRow { Features = x, Label = x[0] - x[1] }).ToArray();
    var options = new DeqRegressionTrainer.Options { Engine = engine, HiddenSize = 8, Epochs = 20, LearningRate = 1e-2f };
    if (what == "large")
    {
        (options.EncoderSizes, options.Epochs, options.BatchSize) = ([2100], 1, 400);
    }
    if (what == "unrolled")
    {
        options.Gradient = new Unrolled();
    }
    if (what == "gpu")
    {
        (context.GpuDeviceId, context.FallbackToCpu) = (0, true);
    }
    string? error = null;
    TrainingHistory? history = null;
    var quality = 0.0;
    try
    {
        var data = context.Data.LoadFromEnumerable(rows);
        var model = context.Regression.Trainers.Deq(options).Fit(data);
        (history, quality) = (model.Model.History, context.Regression.Evaluate(model.Transform(data)).RSquared);
    }
    catch (TorchBackendException e)
    {
        error = $"{e.GetType().Name}: {e.Message}";
    }
    Console.WriteLine(JsonSerializer.Serialize(new
    {
        Engine = history?.Engine.ToString(),
        Error = error,
        RSquared = quality,
        LoadsTorchSharp = AppDomain.CurrentDomain.GetAssemblies().Any(a => a.GetName().Name == "TorchSharp"),
        Infos = infos.Where(m => m.StartsWith("Training with", StringComparison.Ordinal)),
    }));
}

internal sealed class TrainedRow
{
    [VectorType(2)]
    public float[] Features { get; set; } = [];

    public float Label { get; set; }
}

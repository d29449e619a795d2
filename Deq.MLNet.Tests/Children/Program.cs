using System.Runtime.CompilerServices;
using System.Text.Json;
using Deq.MLNet;
using TorchSharp;

// Asks for a device, uses it, and prints one line of JSON: anything else on the output was written by TorchSharp.
// Arguments: the device, and whether to fall back to the CPU.
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

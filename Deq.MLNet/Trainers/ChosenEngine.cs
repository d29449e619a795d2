using Deq.MLNet.Training;
using Deq.MLNet.Training.Direct;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;
using Microsoft.ML.Runtime;

namespace Deq.MLNet.Trainers;

/// <summary>The engine that a training runs on, and its device: what the options ask for and this machine has.</summary>
internal sealed record ChosenEngine(Engine Engine, string Device)
{
    private const string Cpu = "cpu";

    private static readonly ChosenEngine Simd = new(Engine.Simd, Cpu);

    /// <summary>Chooses. TorchSharp is not touched where Simd or Direct is asked for, or does for Auto.</summary>
    /// <param name="option">The option Engine.</param>
    /// <param name="architecture">What is trained.</param>
    /// <param name="device">The option Device.</param>
    /// <param name="host">Its GPU counts where Device is null.</param>
    /// <param name="channel">Is told of what a user may not expect.</param>
    /// <exception cref="TorchBackendException">Torch is needed and cannot be used, or a CUDA device is asked for and is not there.</exception>
    public static ChosenEngine Choose(Engine option, Architecture architecture, string? device, IHostEnvironmentInternal host, IChannel channel)
    {
        if (device is null && host.GpuDeviceId < 0)
        {
            throw channel.Except($"MLContext.GpuDeviceId is {host.GpuDeviceId}; it must be at least 0, or null for the CPU.");
        }
        var wanted = device ?? (host.GpuDeviceId is { } id ? $"cuda:{id}" : Cpu);
        if (option is Engine.Simd or Engine.Direct)
        {
            if (wanted != Cpu)
            {
                channel.Info($"Engine is {option}, which trains on the CPU: MLContext.GpuDeviceId {host.GpuDeviceId} is of no effect.");
            }
            return new ChosenEngine(option, Cpu);
        }
        if (wanted != Cpu)
        {
            if (OnCuda(option, architecture, wanted, host.FallbackToCpu, out var why) is { } cuda)
            {
                return cuda;
            }
            channel.Warning($"{wanted} is not available; training on the CPU, as FallbackToCpu allows. {why}");
        }
        return OnCpu(option, architecture, channel);
    }

    /// <summary>The device as the log names it: with the driver's name of a GPU.</summary>
    public string NamedDevice => TorchBackendCuda.Driver.NameOf(Device);

    /// <summary>Tells of a precision that this engine does not have.</summary>
    public void TellOf(MatmulPrecision precision, IChannel channel)
    {
        if (Engine != Engine.Torch && precision != MatmulPrecision.Float32)
        {
            channel.Info($"{Engine} trains, in {(Engine == Engine.Simd ? "float32" : "float64")}: MatmulPrecision {precision} is of no effect.");
        }
        else if (Device == Cpu && precision == MatmulPrecision.TensorFloat32)
        {
            channel.Info($"Torch trains on the CPU, in float32: MatmulPrecision {precision} is of no effect.");
        }
    }

    /// <summary>Makes the engine, with the weights of a network. Code of its own for each: only where Torch trains is TorchSharp looked for.</summary>
    public Func<TrainingSettings, Network, ITrainingEngine> Create => Engine switch
    {
        Engine.Simd => (settings, start) => new SimdEngine(settings, start),
        Engine.Direct => (settings, start) => new DirectEngine(settings, start),
        _ => (settings, start) => new TorchEngine(settings, start, Device),
    };

    /// <summary>The device asked for; null where it is not there and the CPU may take its place, and why.</summary>
    private static ChosenEngine? OnCuda(Engine option, Architecture architecture, string wanted, bool fallback, out string why)
    {
        try
        {
            var device = TorchBackend.EnsureAvailable(wanted, fallback);
            why = device == Cpu ? TorchBackend.WhyNoCuda() : "";
            return device == Cpu ? null : new ChosenEngine(Engine.Torch, device);
        }
        catch (TorchBackendException e) when (!TorchBackend.Describe().IsAvailable)
        {
            why = e.Message;
            return fallback && option == Engine.Auto && EngineChoice.Of(architecture) is null
                ? null
                : throw new TorchBackendException($"The device asked for, by Device or MLContext.GpuDeviceId, is \"{wanted}\", which needs a libtorch for CUDA. To train on the CPU, set Device to \"cpu\". {e.Message}", e);
        }
    }

    private static ChosenEngine OnCpu(Engine option, Architecture architecture, IChannel channel)
    {
        var torch = new ChosenEngine(Engine.Torch, Cpu);
        var obstacle = EngineChoice.Of(architecture);
        if (option == Engine.Auto && obstacle is null && EngineChoice.PrefersSimd(architecture))
        {
            return Simd;
        }
        try
        {
            TorchBackend.EnsureAvailable();
            return torch;
        }
        catch (TorchBackendException e) when (option == Engine.Auto)
        {
            if (obstacle is not null)
            {
                throw new TorchBackendException($"{obstacle}, which only Engine Torch does, and that needs libtorch. To train without it, set {obstacle.Change}. {e.Message}", e);
            }
            channel.Info($"Training with Simd: Torch may be faster with layers of more than {EngineChoice.LargestSimdLayer}, but cannot be used. {e.Message}");
            return Simd;
        }
        catch (TorchBackendException e) when (obstacle is null)
        {
            throw new TorchBackendException($"Engine is Torch, which needs libtorch. To train without it, set Engine to Auto. {e.Message}", e);
        }
    }
}

using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>The device that is measured: a CUDA device, or the CPU, driven as one.</summary>
internal sealed class MeasuredDevice
{
    /// <summary>The largest case whose step takes about half a second on two cores; and a tenth.</summary>
    public const long LargestOnCpu = 1L << 31, LargestQuick = 1L << 27;

    /// <summary>Rows of a problem at the most, and the work of an epoch, about: a measurement goes back to the first weights every other epoch, which shall cost little, and an epoch is a turn against PyTorch.</summary>
    private const int MostRows = 1 << 20;
    private const long CpuEpoch = LargestOnCpu, CudaEpoch = 1L << 39, QuickEpoch = LargestQuick;

    private MeasuredDevice(string name, bool isQuick) => (Name, IsCuda, IsQuick) = (name, name != "cpu", isQuick);

    /// <summary>Finds a device.</summary>
    /// <param name="name">cpu, cuda or cuda:N; null for the first CUDA device.</param>
    /// <param name="isQuick">Whether all that is measured on it is only to show that it runs.</param>
    /// <exception cref="ArgumentException">It is none of these.</exception>
    /// <exception cref="TorchBackendException">There is none of that name, and why.</exception>
    public static MeasuredDevice Open(string? name, bool isQuick)
    {
        try
        {
            return new MeasuredDevice(TorchBackend.EnsureAvailable(name ?? "cuda"), isQuick);
        }
        catch (TorchBackendException e) when (name is null && TorchBackend.Describe().IsAvailable)
        {
            throw new TorchBackendException($"{e.Message}\n--device cpu measures the code of a device on the CPU.", e);
        }
    }

    /// <summary>cpu or cuda:N.</summary>
    public string Name { get; }

    public bool IsCuda { get; }

    /// <summary>The device and the libtorch that drives it.</summary>
    public string Description
    {
        get
        {
            var torch = TorchBackend.Describe();
            var libtorch = $"libtorch {torch.Version} ({torch.LibraryPath ?? "on the loader's path"})";
            if (!IsCuda)
            {
                return $"cpu, by the code of a device; {libtorch}";
            }
            var cuda = torch.CudaDevices[device(Name).index];
            var memory = cuda.MemoryBytes is { } bytes ? DeviceErrors.Bytes(bytes) : "unknown";
            return $"{Name}, {cuda.Name ?? "without a name"}, compute capability {cuda.ComputeCapability ?? "unknown"}, memory {memory}; driver's CUDA {torch.CudaDriver ?? "unknown"}; {libtorch}";
        }
    }

    /// <summary>How long a case is measured: little for each, since there are many.</summary>
    public Effort Effort => IsQuick
        ? Effort.Quick with { WarmUp = TimeSpan.Zero, Most = TimeSpan.FromMilliseconds(500) }
        : new Effort(7, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(60)) { Most = TimeSpan.FromSeconds(2.5) };

    /// <summary>Whether numbers are few and tables short.</summary>
    public bool IsQuick { get; }

    /// <summary>The precisions that differ here.</summary>
    public IReadOnlyList<MatmulPrecision> Precisions => IsCuda ? [MatmulPrecision.Float32, MatmulPrecision.TensorFloat32, MatmulPrecision.BFloat16] : [MatmulPrecision.Float32, MatmulPrecision.BFloat16];

    /// <summary>Those that may pay here.</summary>
    public IReadOnlyList<MatmulPrecision> TimedPrecisions => IsCuda ? Precisions : [MatmulPrecision.Float32];

    public static string Suffix(MatmulPrecision precision) => precision switch
    {
        MatmulPrecision.TensorFloat32 => "_tf32",
        MatmulPrecision.BFloat16 => "_bf16",
        _ => "",
    };

    /// <summary>What an iteration costs in multiply-adds: those of the product of a batch with W, and about as many as 512 states more for all that is done element by element.</summary>
    public static long Work(int size, int batch) => (long)batch * size * (size + 512);

    /// <summary>A problem of random W, with as many batches as its epochs have time for, at least two.</summary>
    public Problem Problem(int size, int batch)
    {
        var epoch = IsQuick ? QuickEpoch : IsCuda ? CudaEpoch : CpuEpoch;
        var batches = Math.Clamp(Math.Min(epoch / Work(size, batch), MostRows / batch), 2, 64);
        return new Problem(size, hard: false, (int)batches * batch) { BatchRows = batch };
    }

    /// <summary>The trainers' default on all cores.</summary>
    public static TrainingSettings Settings(Problem problem, MatmulPrecision precision = MatmulPrecision.Float32) =>
        problem.Settings(new Auto(), threads: Environment.ProcessorCount) with { MatmulPrecision = precision };

    /// <summary>Where tensors stand: on the CPU, too, rows are judged as on a device.</summary>
    public TensorPlace Place(ScalarType type = ScalarType.Float32) => TensorPlace.On(Name, type) with { JudgesRows = true };

    /// <summary>TorchEngine there.</summary>
    public CreateEngine Engine(Func<TensorPlace, TensorPlace>? change = null) => (settings, network) => new TorchEngine(settings, network, change is null ? Place() : change(Place()));

    /// <summary>Waits until it has done what it was given.</summary>
    public void Synchronize()
    {
        if (IsCuda)
        {
            cuda.synchronize(device(Name));
        }
    }

    /// <summary>MiB that processes hold of it; null where nobody tells. libtorch keeps what it once took.</summary>
    public double? MemoryInUse()
    {
        var index = device(Name).index;
        return IsCuda && TorchBackend.Describe().CudaDevices[index].MemoryBytes is { } all && TorchBackendCuda.Driver.FreeBytes(index) is { } free ? (all - free) / 1048576.0 : null;
    }
}

using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>A folder with the child app, in which a test arranges the native files; they are links, since libtorch is large.</summary>
internal sealed class TorchBackendFolder : IDisposable
{
    private const string Child = "Deq.MLNet.Tests.Child";
    private static readonly string Source = AppContext.BaseDirectory;
    private static readonly string NativeFolder = Path.Combine("runtimes", TorchBackendFiles.Rid, "native");
    private readonly string _path = Directory.CreateTempSubdirectory("deq-torch-").FullName;

    public TorchBackendFolder()
    {
        // Copied, not linked: the host follows links, and TorchSharp copies libtorch from the NuGet cache to where its own assembly stands.
        foreach (var file in new[] { $"{Child}.dll", $"{Child}.deps.json", $"{Child}.runtimeconfig.json", "Deq.MLNet.dll", "TorchSharp.dll" })
            File.Copy(Path.Combine(Source, file), Path.Combine(_path, file));
        foreach (var file in Directory.EnumerateFiles(Source, "*.dll"))
            Link(file, Path.Combine(_path, Path.GetFileName(file)));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Source, NativeFolder)))
            Link(file, Native(Path.GetFileName(file)));
    }

    /// <summary>Where TorchSharp would put the libtorch of the NuGet cache.</summary>
    public string CopiedFromCache => Path.Combine(_path, "cpu");

    public string Native(string file) => Path.Combine(_path, NativeFolder, file);

    /// <summary>Takes libtorch, but not TorchSharp's own native part, out of the app, into another folder if one is given.</summary>
    public void RemoveLibtorch(string? to = null)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(_path, NativeFolder)).Where(IsLibtorch))
        {
            if (to is not null)
                Link(File.ResolveLinkTarget(file, true)?.FullName ?? file, Path.Combine(_path, to, Path.GetFileName(file)));
            File.Delete(file);
        }
    }

    public string Add(string relativePath, byte[] content)
    {
        var path = Path.Combine(_path, relativePath);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path);
        File.WriteAllBytes(path, content);
        return path;
    }

    public string ReplaceShim(Func<byte[], byte[]> change) =>
        Add(Path.Combine(NativeFolder, TorchBackendFiles.ShimFile), change(File.ReadAllBytes(Native(TorchBackendFiles.ShimFile))));

    /// <summary>The file with the first text of this name, as a symbol has it, replaced by another of its length.</summary>
    public static byte[] RenameText(byte[] elf, string from, string to)
    {
        Replace(elf, Encoding.ASCII.GetBytes("\0" + from + "\0"), Encoding.ASCII.GetBytes("\0" + to + "\0"));
        return elf;
    }

    /// <summary>The file with a needed symbol version renamed: its name, and the ELF hash by which the loader compares.</summary>
    public static byte[] RenameNeededVersion(byte[] elf, string from, string to)
    {
        Replace(elf, Encoding.ASCII.GetBytes(from + "\0"), Encoding.ASCII.GetBytes(to + "\0"));
        Replace(elf, [.. Hash(from), 0, 0], [.. Hash(to), 0, 0], alternative: [.. Hash(from), 2, 0]);
        return elf;
    }

    /// <summary>Starts the child in the folder, asks for a device, and returns its one line of output.</summary>
    public TorchBackendAnswer Ask(string device = "cpu", bool fallbackToCpu = false, string? loaderPath = null, bool hideCuda = false)
    {
        var environment = new Dictionary<string, string>();
        if (loaderPath is not null)
            environment["LD_LIBRARY_PATH"] = Path.Combine(_path, loaderPath);
        if (hideCuda)
            environment["CUDA_VISIBLE_DEVICES"] = "";
        return Run<TorchBackendAnswer>(environment, device, fallbackToCpu.ToString());
    }

    /// <summary>Starts the child in the folder with some arguments and returns its one line of output.</summary>
    public T Run<T>(params string[] arguments) => Run<T>([], arguments);

    private T Run<T>(Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [Path.Combine(_path, Child + ".dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0, "the child ended with {0}", errors.Result);
        output.TrimEnd().Split('\n').Should().ContainSingle("no library may write to the console");
        return JsonSerializer.Deserialize<T>(output)!;
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);

    private static bool IsLibtorch(string file)
    {
        var name = Path.GetFileName(file);
        return name != TorchBackendFiles.ShimFile && (name.Contains("torch", StringComparison.Ordinal) || name.Contains("c10", StringComparison.Ordinal) || name.Contains("gomp", StringComparison.Ordinal));
    }

    private static void Link(string file, string link)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (!File.Exists(link))
            File.CreateSymbolicLink(link, file);
    }

    private static void Replace(Span<byte> bytes, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, ReadOnlySpan<byte> alternative = default)
    {
        var at = bytes.IndexOf(from);
        if (at < 0 && alternative.Length > 0)
            at = bytes.IndexOf(alternative);
        at.Should().BeGreaterThan(0);
        to.CopyTo(bytes[at..]);
    }

    private static byte[] Hash(string name)
    {
        uint hash = 0;
        foreach (var letter in name)
        {
            hash = (hash << 4) + letter;
            var high = hash & 0xF0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, hash);
        return bytes;
    }
}

internal sealed record TorchBackendAnswer(string? Device, string? Error, float? Sum, TorchBackendInfo Info);

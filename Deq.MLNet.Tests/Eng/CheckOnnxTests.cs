using System.Diagnostics;
using Deq.MLNet.Tests.Onnx;
using Deq.MLNet.Tests.Package;

namespace Deq.MLNet.Tests.Eng;

public class CheckOnnxTests
{
    [CheckerFact]
    public void Sound_files_pass_and_later_opsets_are_counted() => InFolder(folder =>
    {
        var network = OnnxCases.RandomDeq(1, 6, 0.5, Activation.ReLU, Link.Identity);
        foreach (var form in new[] { OnnxForm.Unrolled, OnnxForm.UnrolledAnderson, OnnxForm.Loop })
        {
            File.WriteAllBytes(Path.Combine(folder, $"{form}.onnx"), OnnxCases.Export(network, new OnnxExportOptions { Form = form, Steps = 9, Opset = 17 }).Bytes);
        }
        File.WriteAllBytes(Path.Combine(folder, "later.onnx"), OnnxCases.Export(network, new OnnxExportOptions { Steps = 9, Opset = 21 }).Bytes);

        var (code, output) = Check(folder);

        output.Should().Contain("3 files are sound").And.Contain("0 are not").And.Contain("1 of an opset above 17");
        code.Should().Be(0);
    });

    [CheckerFact]
    public void A_file_that_is_not_sound_and_a_folder_without_files_fail() => InFolder(folder =>
    {
        Check(folder).Code.Should().Be(1);
        var bytes = OnnxCases.Export(OnnxCases.RandomDeq(1, 6, 0.5, Activation.ReLU, Link.Identity), new OnnxExportOptions { Steps = 9 }).Bytes;
        File.WriteAllBytes(Path.Combine(folder, "sound.onnx"), bytes);
        File.WriteAllBytes(Path.Combine(folder, "half.onnx"), bytes[..(bytes.Length / 2)]);

        var (code, output) = Check(folder);

        output.Should().Contain("half.onnx: ").And.Contain("1 are not");
        code.Should().Be(1);
    });

    private static (int Code, string Output) Check(string folder)
    {
        using var process = Process.Start(new ProcessStartInfo("bash", [Repository.Path("eng", "check-onnx"), folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    private static void InFolder(Action<string> test)
    {
        var folder = Directory.CreateTempSubdirectory("deq").FullName;
        try
        {
            test(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Skips where ONNX's own checker is not installed.</summary>
    private sealed class CheckerFactAttribute : FactAttribute
    {
        private static readonly Lazy<string?> Missing = new(() => File.Exists("/bin/bash") && Check(Path.GetTempPath() + "deq-no-such-folder").Code != 77 ? null : "ONNX's own checker is not installed (Debian: apt install python3-onnx).");

        public CheckerFactAttribute() => Skip = Missing.Value;
    }
}

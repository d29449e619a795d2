using Deq.MLNet.Training.Torch;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>TorchSharp lets the collector free a number while native code reads it: once seen as an exception out of adding 1, and else as a wrong sum.</summary>
[Collection(WholeProcess.Name)]
public sealed class ScalarOperationsTests
{
    private static readonly string[] WithNumbersOfTheirOwn = ["add", "add_", "op_Addition", "sub_scalar", "addcmul", "addcdiv"];

    [Fact]
    public void No_number_meets_a_tensor_elsewhere()
    {
        using var library = AssemblyDefinition.ReadAssembly(typeof(DeqNetwork).Assembly.Location);
        var calls = from type in library.MainModule.GetTypes()
                    where type.Name != nameof(ScalarOperations)
                    from method in type.Methods
                    where method.HasBody
                    from instruction in method.Body.Instructions
                    where instruction.OpCode.Code is Code.Call or Code.Callvirt
                    let called = (MethodReference)instruction.Operand
                    where IsUnheld(called)
                    select $"{method.FullName} calls {called.FullName}";

        calls.Should().BeEmpty();
    }

    [Fact]
    public void The_search_finds_what_it_looks_for()
    {
        using var library = AssemblyDefinition.ReadAssembly(typeof(DeqNetwork).Assembly.Location);
        library.MainModule.GetType(typeof(ScalarOperations).FullName).Methods.Where(m => m.HasBody)
            .SelectMany(m => m.Body.Instructions).Select(i => i.Operand).OfType<MethodReference>().Should().Contain(m => IsUnheld(m));
    }

    [Theory, OnDevices]
    public async Task A_busy_collector_changes_no_weight(string device)
    {
        var undisturbed = Train(device);
        using var stop = new CancellationTokenSource();
        var busy = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        });

        var disturbed = Train(device);

        await stop.CancelAsync();
        await busy;
        disturbed.Should().Equal(undisturbed);
    }

    private static bool IsUnheld(MethodReference called) =>
        called.DeclaringType.Scope.Name == "TorchSharp"
        && (called.Parameters.Any(p => p.ParameterType.FullName == "TorchSharp.Scalar")
            || called.DeclaringType.FullName.StartsWith("TorchSharp.torch", StringComparison.Ordinal) && WithNumbersOfTheirOwn.Contains(called.Name));

    private static float[] Train(string device)
    {
        TorchBackend.EnsureAvailable(device);
        var architecture = Setup.Deq(16, Activation.Tanh, solver: new Anderson(damping: 0.9f));
        var settings = Setup.Settings(architecture) with { GradientClip = 1, WeightDecay = 0.1 };
        using var engine = new TorchEngine(settings, architecture.Initialize(8, 1, Link.Identity, new bool[8], new Random(1)), device);
        engine.Attach(Setup.Noise(64, 8, 1, 3));
        int[] rows = [.. Enumerable.Range(0, 64)];
        for (var step = 0; step < LongForm.Times(300); step++)
        {
            engine.Step(rows, 1e-3);
        }
        var network = (DeqNetwork)engine.ToNetwork();
        return [.. network.W.Span, .. network.U.Span, .. network.B.Span, .. network.V.Span, .. network.C.Span];
    }
}

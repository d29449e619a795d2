using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Projections;
using Deq.MLNet.Training.Torch.Solvers;
using Mono.Cecil;
using Mono.Cecil.Cil;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>Read from the compiled assembly: where numbers pass between host and device.</summary>
public sealed class DeviceReadsTests
{
    /// <summary>Members of a tensor that bring its numbers to the host, or must know them to make their result: each waits for the device.</summary>
    private static readonly string[] Waiting =
    [
        "item", "cpu", "data", "get_bytes", "ToScalar", "ToBoolean", "ToByte", "ToSByte", "ToInt16", "ToInt32", "ToInt64", "ToHalf", "ToSingle", "ToDouble", "ToComplexFloat32", "ToComplexFloat64",
        "ToString", "tolist", "ReadCpuValue", "nonzero", "argwhere", "masked_select", "allclose", "equal", "unique", "unique_consecutive", "bincount", "repeat_interleave", "print", "str", "npstr", "jlstr", "cstr",
        "op_Explicit", "storage", "get_TensorItems", "set_TensorItems", "cholesky_solve",
    ];

    /// <summary>The one way, and the rows that are judged in the host's memory.</summary>
    private static readonly string[] MayRead = [nameof(DeviceReads), nameof(TensorRows)];

    private static readonly string[] Making = ["tensor", "as_tensor", "from_array", "frombuffer"];

    /// <summary>Rows and their order once an epoch, weights that are loaded, the start of a power iteration and the places of random numbers once a training; in a step nothing but Newton's choice of rows.</summary>
    private static readonly string[] MaySend = [nameof(DeviceRows), nameof(ResidentRows), nameof(StreamedRows), nameof(ParameterBuffer), nameof(KeptVector), nameof(EpochRandom), nameof(NewtonStep)];

    [Fact]
    public void Numbers_come_from_a_device_by_one_way() => Calls(IsRead, MayRead).Should().BeEmpty();

    [Fact]
    public void Numbers_go_to_a_device_from_a_few_places() => Calls(IsSend, MaySend).Should().BeEmpty();

    /// <summary>It is the one that TorchSharp does not guard: where memory ends in it, the process does. mm and bmm are guarded.</summary>
    [Fact]
    public void Nothing_is_multiplied_by_matmul() => Calls(called => called.Name == "matmul", []).Should().BeEmpty();

    /// <summary>That tensor would stand on the CPU.</summary>
    [Fact]
    public void No_number_is_turned_into_a_tensor_in_passing() =>
        Calls(called => called.Name == "op_Implicit" && called.ReturnType.FullName == "TorchSharp.torch/Tensor", []).Should().BeEmpty();

    [Fact]
    public void The_searches_find_what_they_look_for()
    {
        Calls(called => called.Name == "bmm", []).Should().NotBeEmpty();
        Calls(called => called.Name == "op_Implicit", []).Should().NotBeEmpty("numbers are turned into Scalars");
        foreach (var type in MayRead)
        {
            Calls(IsRead, [.. MayRead.Except([type])]).Should().NotBeEmpty(type);
        }
        foreach (var type in MaySend)
        {
            Calls(IsSend, [.. MaySend.Except([type])]).Should().NotBeEmpty(type);
        }
        // What is looked for is there to be called.
        var members = typeof(Tensor).GetMethods().Concat(typeof(TorchSharp.TensorExtensionMethods).GetMethods()).Select(m => m.Name).ToHashSet();
        Waiting.Where(name => !members.Contains(name)).Should().BeEmpty();
    }

    [Fact]
    public void Reads_are_counted_and_right()
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        var (before, values) = (DeviceReads.Count, tensor(new float[] { 1.5f, -2, 3 }));
        DeviceReads.Doubles(values).Should().Equal(1.5, -2, 3);
        DeviceReads.Floats(values.to(ScalarType.Float64)).Should().Equal(1.5f, -2, 3);
        DeviceReads.Number(values.isfinite().all()).Should().Be(1);
        DeviceReads.Doubles(values.view(3, 1).expand(3, 2).t()).Should().Equal(1.5, -2, 3, 1.5, -2, 3);
        (DeviceReads.Count - before).Should().Be(4);
    }

    private static string[] Calls(Func<MethodReference, bool> isWanted, string[] allowed) =>
        [.. LibraryCalls.Value.Where(call => isWanted(call.Called) && !call.From.Any(allowed.Contains)).Select(call => $"{call.From[0]}.{call.Method} calls {call.Called.FullName}")];

    /// <summary>Every call into TorchSharp from the library, apart from the probe of the backend: the types around it, innermost first, and what is called.</summary>
    private static readonly Lazy<(string[] From, string Method, MethodReference Called)[]> LibraryCalls = new(() =>
    {
        using var library = AssemblyDefinition.ReadAssembly(typeof(DeqNetwork).Assembly.Location);
        return [.. from type in library.MainModule.GetTypes()
                   let around = Enclosing(type).Select(t => t.Name).ToArray()
                   where !around.Any(name => name.StartsWith(nameof(TorchBackend), StringComparison.Ordinal))
                   from method in type.Methods
                   where method.HasBody
                   from instruction in method.Body.Instructions
                   where instruction.OpCode.Code is Code.Call or Code.Callvirt or Code.Ldftn or Code.Ldvirtftn
                   let called = (MethodReference)instruction.Operand
                   where called.DeclaringType.Scope.Name == "TorchSharp"
                   select (around, method.Name, called)];
    });

    private static IEnumerable<TypeDefinition> Enclosing(TypeDefinition? type)
    {
        for (; type is not null; type = type.DeclaringType)
        {
            yield return type;
        }
    }

    private static bool IsRead(MethodReference called) =>
        called.DeclaringType.FullName is "TorchSharp.torch/Tensor" or "TorchSharp.TensorExtensionMethods" && Waiting.Contains(called.Name) && !SelectsByNumber(called);

    private static bool IsSend(MethodReference called) => called.DeclaringType.FullName == "TorchSharp.torch" && Making.Contains(called.Name);

    /// <summary>An index that is a number needs none of the tensor's.</summary>
    private static bool SelectsByNumber(MethodReference called) => called.Name is "get_TensorItems" && called.Parameters.All(p => p.ParameterType.FullName == "System.Int64");
}

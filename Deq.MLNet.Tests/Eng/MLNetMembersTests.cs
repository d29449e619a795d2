using System.Reflection;
using Deq.MLNet.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Mono.Cecil;
using MethodAttributes = Mono.Cecil.MethodAttributes;
using TypeAttributes = Mono.Cecil.TypeAttributes;

namespace Deq.MLNet.Tests.Eng;

/// <summary>
/// The run-time check reads what is bound from the compiled assembly; here Mono.Cecil reads the same independently.
/// There is no list to regenerate: when one of these tests fails after an update of ML.NET, its message names the member that went.
/// </summary>
public class MLNetMembersTests
{
    private static readonly string[] OpenedLibraries = ["Microsoft.ML.Core", "Microsoft.ML.Data"];

    public static TheoryData<string> Assemblies => ["Deq.MLNet", "Deq.MLNet.Tests"];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Every_bound_member_is_there(string name)
    {
        var act = () => MLNetMembers.EnsurePresent(Assembly.Load(name));
        act.Should().NotThrow();
        using var module = Read(name);
        References(module).Should().NotContain(r => Resolve(r) == null);
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void The_run_time_check_covers_every_reference_into_the_opened_libraries(string name)
    {
        using var module = Read(name);
        var expected = References(module).Select(NameOf).ToList();
        MLNetMembers.BoundBy(Assembly.Load(name)).Select(m => m.Name).Should().BeEquivalentTo(expected);
    }

    [Fact]
    public void Internal_members_of_plain_and_generic_types_are_among_the_bound()
    {
        // Binds TrainerEstimatorBase<,>'s private protected constructor through the type parameters of a generic type.
        typeof(GenericTrainer<,>).BaseType!.GetGenericTypeDefinition().Should().Be(typeof(TrainerEstimatorBase<,>));
        MLNetMembers.BoundBy(GetType().Assembly).Select(m => m.Name).Should().Contain(
        [
            "Microsoft.ML.LoadableClassAttribute",
            "Microsoft.ML.Runtime.IHostEnvironmentInternal.get_Seed",
            "Microsoft.ML.Trainers.TrainerEstimatorBase`2..ctor",
        ]);
    }

    [Fact]
    public void A_missing_method_is_named_with_the_version_found() =>
        Check(typeof(MLContext), "NoSuchMethod").WithMessage("ML.NET 5.*Microsoft.ML.Data*lacks Microsoft.ML.MLContext.NoSuchMethod,*");

    [Fact]
    public void A_missing_type_is_named() =>
        Check(null, "NoSuchMethod").WithMessage("ML.NET 5.*lacks Microsoft.ML.NoSuchType,*");

    [Fact]
    public void A_missing_member_of_a_generic_type_is_named() =>
        Check(typeof(TransformerChain<ITransformer>), "NoSuchMethod").WithMessage("*lacks Microsoft.ML.Data.TransformerChain`1.NoSuchMethod,*");

    [Fact]
    public void A_method_with_other_parameters_is_missing() =>
        Check(typeof(TransformerChain<ITransformer>), nameof(TransformerChain<>.Transform), parameters: 7).WithMessage("*TransformerChain`1.Transform,*");

    [Fact]
    public void Members_that_exist_pass()
    {
        var caller = Caller(typeof(TransformerChain<ITransformer>), nameof(TransformerChain<>.Transform), parameters: 1);
        MLNetMembers.BoundBy(caller).Select(m => m.Name).Should().Contain("Microsoft.ML.Data.TransformerChain`1.Transform");
        var act = () => MLNetMembers.EnsurePresent(caller);
        act.Should().NotThrow();
    }

    private static FluentAssertions.Specialized.ExceptionAssertions<IncompatibleMLNetException> Check(Type? type, string method, int parameters = 0) =>
        FluentActions.Invoking(() => MLNetMembers.EnsurePresent(Caller(type, method, parameters))).Should().Throw<IncompatibleMLNetException>();

    /// <summary>An assembly that calls one method of a type of Microsoft.ML.Data, or of a type that is not there.</summary>
    private static Assembly Caller(Type? type, string method, int parameters)
    {
        using var assembly = AssemblyDefinition.CreateAssembly(new AssemblyNameDefinition("Caller", new Version(1, 0)), "Caller", ModuleKind.Dll);
        var module = assembly.MainModule;
        var data = module.ImportReference(typeof(MLContext)).Scope;
        var owner = type is null ? new TypeReference("Microsoft.ML", "NoSuchType", module, data) : module.ImportReference(type);
        var callee = new MethodReference(method, module.TypeSystem.Void, owner) { HasThis = true };
        for (var i = 0; i < parameters; i++)
            callee.Parameters.Add(new ParameterDefinition(module.TypeSystem.Int32));

        var caller = new TypeDefinition("", "Caller", TypeAttributes.Class, module.TypeSystem.Object);
        var body = new MethodDefinition("Call", MethodAttributes.Static, module.TypeSystem.Void);
        body.Body.GetILProcessor().Emit(Mono.Cecil.Cil.OpCodes.Call, callee);
        caller.Methods.Add(body);
        module.Types.Add(caller);
        var stream = new MemoryStream();
        assembly.Write(stream);
        return Assembly.Load(stream.ToArray());
    }

    private static ModuleDefinition Read(string name)
    {
        var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(AppContext.BaseDirectory);
        return ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, name + ".dll"), new ReaderParameters { AssemblyResolver = resolver });
    }

    private static List<MemberReference> References(ModuleDefinition module) =>
        [.. module.GetTypeReferences().Where(IsOpened), .. module.GetMemberReferences().Where(m => IsOpened(m.DeclaringType))];

    private static bool IsOpened(TypeReference type) => OpenedLibraries.Contains(type.GetElementType().Scope.Name);

    private static string NameOf(MemberReference reference) => reference is TypeReference type
        ? type.FullName.Replace('/', '+')
        : $"{NameOf(reference.DeclaringType.GetElementType())}.{reference.Name}";

    private static object? Resolve(MemberReference reference) => reference switch
    {
        TypeReference type => type.Resolve(),
        MethodReference method => method.Resolve(),
        FieldReference field => field.Resolve(),
        _ => null,
    };

    private abstract class GenericTrainer<TTransformer, TModel>(Microsoft.ML.Runtime.IHost host, SchemaShape.Column feature, SchemaShape.Column label)
        : TrainerEstimatorBase<TTransformer, TModel>(host, feature, label)
        where TTransformer : ISingleFeaturePredictionTransformer<TModel>
        where TModel : class;
}

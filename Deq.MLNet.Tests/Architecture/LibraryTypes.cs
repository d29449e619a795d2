using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Deq.MLNet.Tests.Architecture;

/// <summary>What a type of the library refers to: every signature, field, attribute and instruction.</summary>
internal static class LibraryTypes
{
    public static IEnumerable<TypeReference> ReferencesOf(TypeDefinition type)
    {
        var found = new List<TypeReference?> { type.BaseType };
        found.AddRange(type.Interfaces.Select(i => i.InterfaceType));
        found.AddRange(type.Fields.Select(f => f.FieldType));
        found.AddRange(type.Properties.Select(p => p.PropertyType));
        found.AddRange(type.Events.Select(e => e.EventType));
        IEnumerable<ICustomAttributeProvider> attributed =
            [type, .. type.Fields, .. type.Properties, .. type.Events, .. type.Methods, .. type.Methods.SelectMany(m => m.Parameters), .. type.Methods.Select(m => m.MethodReturnType)];
        foreach (var attribute in attributed.Where(a => a.HasCustomAttributes).SelectMany(a => a.CustomAttributes))
        {
            found.Add(attribute.AttributeType);
            found.AddRange(attribute.ConstructorArguments.Select(a => a.Value).OfType<TypeReference>());
        }
        found.AddRange(type.GenericParameters.Concat(type.Methods.SelectMany(m => m.GenericParameters)).SelectMany(g => g.Constraints).Select(c => c.ConstraintType));
        foreach (var method in type.Methods)
        {
            found.AddRange(OfSignature(method));
            if (method.HasBody)
            {
                found.AddRange(method.Body.Variables.Select(v => v.VariableType));
                found.AddRange(method.Body.ExceptionHandlers.Select(h => h.CatchType));
                found.AddRange(method.Body.Instructions.SelectMany(OfInstruction));
            }
        }
        return found.OfType<TypeReference>().SelectMany(Parts);
    }

    private static IEnumerable<TypeReference?> OfSignature(MethodReference method) =>
        [method.DeclaringType, method.ReturnType, .. method.Parameters.Select(p => p.ParameterType), .. method is GenericInstanceMethod g ? g.GenericArguments : []];

    private static IEnumerable<TypeReference?> OfInstruction(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        MethodReference method => OfSignature(method),
        _ => [],
    };

    /// <summary>The plain types of which a type is made: of a List of X[], List and X.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericParameter => [],
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Concat(Parts(generic.ElementType)),
        FunctionPointerType pointer => pointer.Parameters.Select(p => p.ParameterType).Append(pointer.ReturnType).SelectMany(Parts),
        IModifierType modified => Parts(modified.ModifierType).Concat(Parts(modified.ElementType)),
        TypeSpecification specification => Parts(specification.ElementType),
        _ => [type],
    };
}

using System.Numerics.Tensors;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Onnx;

/// <summary>A graph that is computed instead of written: each node in float32 when it is added, for a batch of rows. What a form is measured with is what is exported.</summary>
/// <remarks>
/// It knows the operators that networks and forms use, for values of up to two dimensions; whole numbers and truth values are kept as float32.
/// Where shapes differ, they are aligned at the last dimension and stretched, as ONNX has it.
/// </remarks>
internal sealed class GraphEvaluator : IOnnxGraph
{
    /// <summary>How many steps a value is kept for, the one that makes it among them.</summary>
    private const int StepsKept = 3;

    private static readonly RowKernels Linear = Activation.Identity.Kernels();
    private static readonly RowKernels Erf = Tile.Best switch
    {
        VectorForm.Vector512 => new RowKernels<Wide512, ErrorFunctionMap>(),
        VectorForm.Vector256 => new RowKernels<Wide256, ErrorFunctionMap>(),
        _ => new RowKernels<Wide128, ErrorFunctionMap>(),
    };

    private readonly Dictionary<string, EvaluatedMatrix> _values = [];
    private readonly Queue<List<string>> _steps = [];
    private readonly Dictionary<int, Stack<float[]>> _free = [];
    private List<string>? _step;

    /// <summary>The rows of a value one after another.</summary>
    public ReadOnlySpan<float> this[string name] => _values[name].Data;

    /// <summary>Adds a value of some rows, which stays.</summary>
    public void AddInput(string name, float[] rows, int width) => _values[name] = new EvaluatedMatrix(rows, width);

    /// <summary>From here on another step's nodes are added. Values of a step are released when the third after it begins.</summary>
    public void BeginStep()
    {
        _steps.Enqueue(_step = []);
        if (_steps.Count <= StepsKept)
        {
            return;
        }
        foreach (var name in _steps.Dequeue())
        {
            if (_values.Remove(name, out var value) && !value.IsShared)
            {
                Free(value.Data.Length).Push(value.Data);
            }
        }
    }

    public string AddInitializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
    {
        _values[name] = new EvaluatedMatrix(values.ToArray(), shape.IsEmpty ? 1 : (int)shape[^1]) { IsConstant = true };
        return name;
    }

    public string AddInitializer(string name, ReadOnlySpan<Half> values, params ReadOnlySpan<long> shape)
    {
        var wide = new float[values.Length];
        TensorPrimitives.ConvertToSingle(values, wide);
        return AddInitializer(name, wide, shape);
    }

    public string AddInitializer(string name, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape)
    {
        var numbers = new float[values.Length];
        TensorPrimitives.ConvertChecked(values, numbers);
        return AddInitializer(name, numbers, shape);
    }

    public string AddNode(string op, string name, ReadOnlySpan<string> inputs, string? output = null, params ReadOnlySpan<(string Name, long Value)> attributes)
    {
        var values = new EvaluatedMatrix[inputs.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = _values[inputs[i]];
        }
        var attribute = attributes.IsEmpty ? 0 : attributes[0].Value;
        var result = Compute(op, values, attribute);
        result.IsConstant = Array.TrueForAll(values, value => value.IsConstant);
        if (_values.TryGetValue(output ?? name, out var old) && !old.IsShared && !old.IsConstant)
        {
            // In a loop every iteration gives a name anew.
            Free(old.Data.Length).Push(old.Data);
        }
        _values[output ?? name] = result;
        if (!result.IsConstant)
        {
            _step?.Add(output ?? name);
        }
        return output ?? name;
    }

    public IReadOnlyList<string> AddLoop(string name, long most, IReadOnlyList<string> states, Func<IReadOnlyList<string>, (string Continue, IReadOnlyList<string> States)> body)
    {
        for (var iteration = 0L; iteration < most; iteration++)
        {
            var (goesOn, next) = body(states);
            // Under names of their own: the nodes of the next iteration take the place of those of this one.
            states = [.. next.Select((state, i) => AddNode("Identity", FormattableString.Invariant($"{name}/state_{i + 1}"), [state]))];
            if (_values[goesOn].Data[0] == 0)
            {
                break;
            }
        }
        return states;
    }

    private EvaluatedMatrix Compute(string op, EvaluatedMatrix[] inputs, long attribute) => op switch
    {
        "Gemm" => Product(inputs[0], inputs[1], transposed: attribute == 1, inputs.Length > 2 ? inputs[2] : null),
        "MatMul" => Product(inputs[0], inputs[1], transposed: false, null),
        "Add" => Pairwise(inputs, TensorPrimitives.Add),
        "Sub" => Pairwise(inputs, TensorPrimitives.Subtract),
        "Mul" => Pairwise(inputs, TensorPrimitives.Multiply),
        "Div" => Pairwise(inputs, TensorPrimitives.Divide),
        "Max" => Pairwise(inputs, TensorPrimitives.Max),
        "Min" => Pairwise(inputs, TensorPrimitives.Min),
        "Greater" => Pairwise(inputs, Greater),
        "Less" => Pairwise(inputs, (x, y, to) => Greater(y, x, to)),
        "And" => Pairwise(inputs, TensorPrimitives.Multiply),
        "Not" => Each(inputs[0], values => TensorPrimitives.Subtract(1, values, values)),
        "Where" => Where(inputs[0], inputs[1], inputs[2]),
        "Relu" => Each(inputs[0], values => Activation.ReLU.Apply(values)),
        "Tanh" => Each(inputs[0], values => Activation.Tanh.Apply(values)),
        "Softplus" => Each(inputs[0], values => Activation.Softplus.Apply(values)),
        "Erf" => Each(inputs[0], Erf.Activate),
        "Sqrt" => Each(inputs[0], values => TensorPrimitives.Sqrt(values, values)),
        "Sigmoid" => Each(inputs[0], values => Link.Logistic.Apply(values)),
        "Exp" => Each(inputs[0], values => Link.Exp.Apply(values)),
        "Softmax" => EachRow(inputs[0], values => Link.Softmax.Apply(values)),
        "Identity" or "Cast" => inputs[0].Share(),
        "Concat" => Concat(inputs, (int)attribute),
        "Transpose" => Transpose(inputs[0]),
        "Gather" => Gather(inputs[0], inputs[1], (int)attribute),
        "ReduceMax" => new EvaluatedMatrix([TensorPrimitives.Max<float>(inputs[0].Data)], 1),
        _ => throw new NotSupportedException($"The operator {op} is not computed here."),
    };

    /// <summary>a b', or a b, and a bias of each row or of all.</summary>
    private EvaluatedMatrix Product(EvaluatedMatrix a, EvaluatedMatrix b, bool transposed, EvaluatedMatrix? bias)
    {
        var packed = transposed ? b.Packed : b.PackedTransposed;
        var result = New(a.Rows, packed.Rows);
        var added = new Stretched(bias ?? new EvaluatedMatrix([0], 1), result.Width);
        for (var row = 0; row < a.Rows; row++)
        {
            Linear.Apply(packed, a[row], added[row], result[row]);
        }
        return result;
    }

    private delegate void Pair(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to);

    private EvaluatedMatrix Pairwise(EvaluatedMatrix[] inputs, Pair apply)
    {
        var (x, y) = (inputs[0], inputs[1]);
        var result = New(Math.Max(x.Rows, y.Rows), Math.Max(x.Width, y.Width));
        if (x.Data.Length == result.Data.Length && y.Data.Length == result.Data.Length)
        {
            apply(x.Data, y.Data, result.Data);
            return result;
        }
        var (left, right) = (new Stretched(x, result.Width), new Stretched(y, result.Width));
        for (var row = 0; row < result.Rows; row++)
        {
            apply(left[row], right[row], result[row]);
        }
        return result;
    }

    private EvaluatedMatrix Where(EvaluatedMatrix condition, EvaluatedMatrix then, EvaluatedMatrix otherwise)
    {
        var result = New(Math.Max(condition.Rows, Math.Max(then.Rows, otherwise.Rows)), Math.Max(condition.Width, Math.Max(then.Width, otherwise.Width)));
        var (when, first, second) = (new Stretched(condition, result.Width), new Stretched(then, result.Width), new Stretched(otherwise, result.Width));
        for (var row = 0; row < result.Rows; row++)
        {
            var c = when[row];
            var a = first[row];
            var b = second[row];
            var to = result[row];
            for (var i = 0; i < to.Length; i++)
            {
                to[i] = c[i] != 0 ? a[i] : b[i];
            }
        }
        return result;
    }

    private static void Greater(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = x[i] > y[i] ? 1 : 0;
        }
    }

    private delegate void InPlace(Span<float> values);

    private EvaluatedMatrix Each(EvaluatedMatrix value, InPlace apply)
    {
        var result = New(value.Rows, value.Width);
        value.Data.CopyTo(result.Data, 0);
        apply(result.Data);
        return result;
    }

    private EvaluatedMatrix EachRow(EvaluatedMatrix value, InPlace apply) => Each(value, values =>
    {
        for (var row = 0; row < value.Rows; row++)
        {
            apply(values.Slice(row * value.Width, value.Width));
        }
    });

    private EvaluatedMatrix Concat(EvaluatedMatrix[] inputs, int axis)
    {
        if (axis == 0)
        {
            var below = New(inputs.Sum(input => input.Rows), inputs[0].Width);
            var end = 0;
            foreach (var input in inputs)
            {
                input.Data.CopyTo(below.Data, end);
                end += input.Data.Length;
            }
            return below;
        }
        return Transpose(Concat([.. inputs.Select(Transpose)], 0));
    }

    /// <summary>Some rows, or columns.</summary>
    private EvaluatedMatrix Gather(EvaluatedMatrix value, EvaluatedMatrix indices, int axis)
    {
        if (axis != 0)
        {
            return Transpose(Gather(Transpose(value), indices, 0));
        }
        var result = New(indices.Data.Length, value.Width);
        for (var row = 0; row < result.Rows; row++)
        {
            value[(int)indices.Data[row]].CopyTo(result[row]);
        }
        return result;
    }

    private EvaluatedMatrix Transpose(EvaluatedMatrix value)
    {
        var result = New(value.Width, value.Rows);
        value.CopyTransposed(result.Data);
        return result;
    }

    private EvaluatedMatrix New(int rows, int width) => new(Free(rows * width).TryPop(out var data) ? data : new float[rows * width], width);

    private Stack<float[]> Free(int length)
    {
        if (!_free.TryGetValue(length, out var free))
        {
            _free[length] = free = [];
        }
        return free;
    }
}

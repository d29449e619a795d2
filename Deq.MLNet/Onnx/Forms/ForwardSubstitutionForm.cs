using System.Globalization;

namespace Deq.MLNet.Onnx.Forms;

/// <summary>
/// State after state of a lower triangular W, each from those before it, with no error but rounding. The states are halved again and again: what a first half adds to the second
/// is one product with a square of W, so that each entry of W is stored once and most of the work is in large products.
/// </summary>
/// <remarks>Between the first and the last node values are transposed, (states, B): a range of states then lies in one piece.</remarks>
internal sealed class ForwardSubstitutionForm : IGraphForm
{
    public int? Steps(DeqNetwork network) => network.StateSize;

    public IEnumerable<FormState> States(CellGraph cell)
    {
        var u = cell.Graph.AddNode("Transpose", "deq/states/injection", [cell.Injection]);
        var z = new Substitution(cell).Solve(u, 0, cell.Network.StateSize);
        yield return cell.Graph.AddNode("Transpose", "deq/states/transpose", [z]);
    }

    private sealed class Substitution(CellGraph cell)
    {
        private readonly IOnnxGraph _graph = cell.Graph;
        private readonly int _size = cell.Network.StateSize;
        private readonly Dictionary<(int From, int Count), string> _ranges = [];
        private string? _one, _leak;

        /// <summary>The states of a range, (count, B), from what they receive from u and the states before them.</summary>
        public string Solve(string received, int from, int count)
        {
            if (count == 1)
            {
                return AddState(received, from);
            }
            var (first, second) = ((count + 1) / 2, count / 2);
            var (name, middle) = (Name(from, count), from + first);
            var z1 = Solve(Take($"{name}/first", received, 0, first), from, first);
            var weights = _graph.AddWeights($"{name}/W", Block(middle, second, from, first), second, first);
            var rest = _graph.AddNode("Gemm", $"{name}/gemm", [weights, z1, Take($"{name}/second", received, first, second)]);
            return _graph.AddNode("Concat", $"{name}/z", [z1, Solve(rest, middle, second)], null, ("axis", 0));
        }

        /// <summary>z = phi(w z + r), with w the state's own share: phi(r) where that is zero, else on each line of phi, of slope s, s r / (1 - s w). The quotient of the larger slope is larger above zero and smaller below.</summary>
        private string AddState(string received, int state)
        {
            var (name, own) = (Name(state, 1), cell.Network.W.Span[state * _size + state]);
            if (own == 0)
            {
                return cell.Phi(name, received);
            }
            var weight = _graph.AddWeights($"{name}/W", [own], 1, 1);
            var above = Quotient("above", received, weight);
            return cell.Network.Activation switch
            {
                Activation.ReLU => _graph.AddNode("Relu", $"{name}/relu", [above]),
                Activation.LeakyReLU => _graph.AddNode("Max", $"{name}/leaky_relu", [above, Quotient("below", Leaked("r", received), Leaked("w", weight))]),
                _ => above,
            };

            string Quotient(string side, string numerator, string share) => _graph.AddNode("Div", $"{name}/{side}", [numerator, _graph.AddNode("Sub", $"{name}/{side}/rest", [One, share])]);

            string Leaked(string part, string value) => _graph.AddNode("Mul", $"{name}/leak_{part}", [value, Leak]);
        }

        private string One => _one ??= _graph.AddInitializer("deq/one", [1f], 1);

        private string Leak => _leak ??= _graph.AddInitializer("deq/state_leak", [(float)ActivationExtensions.Leak], 1);

        private string Take(string name, string value, int from, int count)
        {
            if (!_ranges.TryGetValue((from, count), out var range))
            {
                long[] indices = [.. Enumerable.Range(from, count).Select(i => (long)i)];
                _ranges[(from, count)] = range = _graph.AddInitializer(string.Create(CultureInfo.InvariantCulture, $"deq/range_{from}_{count}"), indices, count);
            }
            return _graph.AddNode("Gather", name, [value, range], null, ("axis", 0));
        }

        private float[] Block(int row, int rows, int column, int columns)
        {
            var block = new float[rows * columns];
            for (var i = 0; i < rows; i++)
            {
                cell.Network.W.Span.Slice((row + i) * _size + column, columns).CopyTo(block.AsSpan(i * columns));
            }
            return block;
        }

        private string Name(int from, int count)
        {
            var digits = $"D{_size.ToString(CultureInfo.InvariantCulture).Length}";
            var (first, last) = ((from + 1).ToString(digits, CultureInfo.InvariantCulture), (from + count).ToString(digits, CultureInfo.InvariantCulture));
            return count == 1 ? $"deq/state_{first}" : $"deq/states_{first}_{last}";
        }
    }
}

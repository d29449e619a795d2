using Deq.MLNet.Equilibrium;
using Deq.MLNet.Errors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <summary>A deep equilibrium network: z = phi(W z + U e + b), y = link(V z + S x + c), where e is x itself, or what encoder layers make of it.</summary>
/// <remarks>
/// Shapes: x (n), z (d), y (K); W (d x d), U (d x n), b (d), V (K x d), S (K x n), c (K), all row-major. Every part but those of z = phi(W z + U x + b), y = V z + c may be left out.
/// Source: Bai, Kolter, Koltun, "Deep Equilibrium Models", NeurIPS 2019.
/// </remarks>
public sealed partial class DeqNetwork : Network
{
    /// <summary>Rows whose contraction a report estimates, at the most.</summary>
    private const int RowsOfContraction = 64;

    private readonly DeqArrays<float> _arrays;
    private readonly RowSolver<float> _solver;
    private readonly Lazy<Certificate> _certificate;

    /// <summary>Makes a network from its arrays; they are copied. relu(W z + U x + b) is <c>new DeqNetwork(w, u, b, v, c, Activation.ReLU)</c>; further parts are added by name.</summary>
    /// <param name="w">W, d x d. The state size d is the length of <paramref name="b"/>.</param>
    /// <param name="u">U, d x n, or d x the size of the last encoder layer. Without an encoder the number of features n follows from its length.</param>
    /// <param name="b">b, d values.</param>
    /// <param name="v">V, K x d. The number of outputs K is the length of <paramref name="c"/>.</param>
    /// <param name="c">c, K values.</param>
    /// <param name="activation">phi of the cell and of the encoder.</param>
    /// <param name="link">The link; default identity.</param>
    /// <param name="rule">The rule that W obeys, checked in float64; null for none.</param>
    /// <param name="scoring">How a row's equilibrium is found; null for the defaults of <see cref="EquilibriumSettings"/>.</param>
    /// <param name="s">S, K x n, the skip connection from the features to the outputs; empty for none.</param>
    /// <param name="encoder">Layers before the cell, first to last, phi after each: e = phi(layer(... phi(layer(x)))). Null or empty for e = x.</param>
    /// <param name="gain">d values. With it, or with <paramref name="shift"/>, the cell is layer-normalised: z = phi(gain * LN(W z + U e + b) + shift), LN over the d values of a row,
    /// with 1e-5 added to the variance. Left out beside a shift, it is 1.</param>
    /// <param name="shift">d values; left out beside a gain, it is 0.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, a value is not finite, W breaks the rule, or the solver does not fit rule and activation, or is none for such a cell: <see cref="Broyden"/>, which is of training only;
    /// <see cref="ForwardSubstitution"/> where one pass is not exact.</exception>
    public DeqNetwork(ReadOnlySpan<float> w, ReadOnlySpan<float> u, ReadOnlySpan<float> b, ReadOnlySpan<float> v, ReadOnlySpan<float> c,
        Activation activation, Link link = Link.Identity, WellPosedness? rule = null, EquilibriumSettings? scoring = null,
        ReadOnlySpan<float> s = default, IReadOnlyList<DenseLayer>? encoder = null, ReadOnlySpan<float> gain = default, ReadOnlySpan<float> shift = default)
        : this(Copy(w, u, b, v, c, s, encoder ?? [], gain, shift), activation, link, scoring ?? new EquilibriumSettings(), rule ?? WellPosedness.None)
    {
        if (rule is not (null or NoRule))
        {
            Combination.CheckNetwork(rule, activation, Scoring.Solver);
            if (!Certificate.RuleHolds)
            {
                throw new ArgumentException(Certificate.Violation + ", or give no rule.", nameof(w));
            }
        }
        if (Scoring.Solver is ForwardSubstitution && !Cell.SubstitutionIsExact)
        {
            throw new ArgumentException("ForwardSubstitution is for a lower triangular W: with zeros on its diagonal, or with entries below 1 there and ReLU, LeakyReLU or Identity. Use Auto, Anderson or Newton.", nameof(scoring));
        }
    }

    /// <summary>Without a certificate W is measured against the rule when it is first asked for.</summary>
    internal DeqNetwork(DeqWeights weights, Activation activation, Link link, EquilibriumSettings scoring, WellPosedness rule, Certificate? certificate = null, UnrollCurve? unroll = null)
        : base(weights.InputSize, weights.OutputSize, activation, link)
    {
        Weights = weights.Checked();
        if (weights.Gain is not null)
        {
            LayerNormalizedCell.Check(scoring.Solver, nameof(scoring));
        }
        _arrays = new DeqArrays<float>(weights, activation);
        _solver = new RowSolver<float>(scoring.Solver is Auto ? rule.NaturalSolver(activation) : scoring.Solver, scoring.Tolerance, scoring.MaxIterations, Cell);
        // What W proves of a cell without normalisation, it does not prove of one with it.
        _certificate = certificate is null ? new Lazy<Certificate>(() => rule.Certify(weights.W, StateSize, activation, proves: weights.Gain is null)) : new Lazy<Certificate>(certificate);
        Scoring = scoring;
        Unroll = unroll;
        // The encoder is done before the solver begins.
        ScratchSize = checked(2 * StateSize + Math.Max(_solver.ScratchSize, _arrays.ScratchSize));
    }

    /// <summary>The arrays.</summary>
    internal DeqWeights Weights { get; }

    /// <summary>What all rows share.</summary>
    internal CellWeights<float> Cell => _arrays.Cell;

    /// <summary>d, the number of states.</summary>
    public int StateSize => Weights.StateSize;

    /// <summary>W, d x d.</summary>
    public ReadOnlyMemory<float> W => Weights.W;

    /// <summary>U, d x n, or d x the size of the last encoder layer.</summary>
    public ReadOnlyMemory<float> U => Weights.U;

    /// <summary>b, d values.</summary>
    public ReadOnlyMemory<float> B => Weights.B;

    /// <summary>V, K x d.</summary>
    public ReadOnlyMemory<float> V => Weights.V;

    /// <summary>c, K values.</summary>
    public ReadOnlyMemory<float> C => Weights.C;

    /// <summary>S, K x n; empty without a skip connection.</summary>
    public ReadOnlyMemory<float> S => Weights.S;

    /// <summary>The layers before the cell, first to last, phi after each; empty without an encoder.</summary>
    public IReadOnlyList<DenseLayer> Encoder => Weights.Encoder;

    /// <summary>The gain of a layer-normalised cell, d values; empty for one that is not.</summary>
    public ReadOnlyMemory<float> Gain => Weights.Gain;

    /// <summary>The shift of a layer-normalised cell, d values; empty for one that is not.</summary>
    public ReadOnlyMemory<float> Shift => Weights.Shift;

    /// <summary>How a row's equilibrium is found in scoring.</summary>
    public EquilibriumSettings Scoring { get; }

    /// <summary>What is proved of W.</summary>
    public Certificate Certificate => _certificate.Value;

    /// <summary>
    /// For every z of every row, the outputs before the link are off by at most this times the residual ||f(z) - z||, in Euclidean norms: ||V||_2 times
    /// <see cref="Certificate.ErrorPerResidual"/>. Null where nothing is proved.
    /// </summary>
    public double? OutputErrorPerResidual => Certificate.ErrorPerResidual * SpectralNorm.Of(Weights.V, StateSize);

    /// <summary>The error of unrolled plain iteration against the number of steps, measured on training rows; null where it was not measured.</summary>
    public UnrollCurve? Unroll { get; }

    /// <inheritdoc/>
    public override int ParameterCount => Weights.Arrays.Sum(a => a.Values.Length);

    /// <inheritdoc/>
    public override int ScratchSize { get; }

    /// <summary>Finds the equilibrium of one row.</summary>
    /// <param name="x">n features.</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> values. Not to be shared between threads.</param>
    /// <param name="z">Receives the d states; NaN where a feature is not finite or the iterates left the finite numbers. What a row gets that is not solved, <see cref="Scoring"/> says.</param>
    /// <param name="trace">Receives the residual of every evaluation of f, exactly as many as there were; null for no trace.</param>
    /// <returns>How it was found.</returns>
    /// <exception cref="ArgumentException">A span has the wrong length.</exception>
    /// <exception cref="DivergenceException">The equilibrium was not found, and <see cref="EquilibriumSettings.OnNonConvergence"/> is Throw.</exception>
    public RowSolution Solve(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, ICollection<double>? trace = null) => Settle(Search(x, scratch, z, trace), z);

    /// <summary>Finds the equilibrium of every row, and tells how: the way to see which rows are hard. Rows are solved as in scoring, on all processors, but none throws.</summary>
    /// <param name="rows">Rows of n features.</param>
    /// <param name="trace">Whether the report holds the residuals of every row, evaluation by evaluation.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentException">A row has the wrong length.</exception>
    public SolveReport SolveRows(IReadOnlyList<ReadOnlyMemory<float>> rows, bool trace = false)
    {
        foreach (var row in Check.NotNull(rows))
        {
            Check.Length(row.Span, InputSize, "(n)", nameof(rows));
        }
        var solutions = new RowSolution[rows.Count];
        var traces = trace ? Array.ConvertAll(solutions, _ => new List<double>()) : null;
        ForEach(solutions.Length, (i, scratch, z) => solutions[i] = Search(rows[i].Span, scratch, z, traces?[i]));

        int[] solved = [.. Enumerable.Range(0, solutions.Length).Where(i => solutions[i].Status.IsSolved())];
        var contractions = new double[Math.Min(solved.Length, RowsOfContraction)];
        ForEach(contractions.Length, (i, scratch, z) =>
        {
            Search(rows[solved[(int)((long)i * solved.Length / contractions.Length)]].Span, scratch, z, null);
            // The injection of the row is what the search left first in its scratch.
            contractions[i] = ContractionEstimate.Of(new Cell<float>(Cell, scratch.AsSpan(0, StateSize)), z);
        });
        return SolveReport.From(solutions, contractions.Length == 0 ? double.NaN : contractions.Max()) with { Traces = traces };
    }

    /// <summary>Runs on all processors, each with scratch and a state of its own.</summary>
    private void ForEach(int count, Action<int, float[], float[]> row) =>
        Parallel.For(0, count, () => (Scratch: new float[ScratchSize], Z: new float[StateSize]), (i, _, own) =>
        {
            row(i, own.Scratch, own.Z);
            return own;
        }, _ => { });

    /// <summary>Finds the equilibrium of one row and computes the outputs from it, before the link.</summary>
    /// <param name="x">n features.</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> values.</param>
    /// <param name="z">Receives the d states, as in <see cref="Solve"/>.</param>
    /// <param name="y">Receives K outputs, NaN where z is.</param>
    internal RowSolution EvaluateAffine(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, Span<float> y)
    {
        var solution = Solve(x, scratch, z);
        Check.Length((ReadOnlySpan<float>)y, OutputSize, "(K)", nameof(y));
        Read(x, z, y);
        return solution;
    }

    /// <summary>Solves a row whatever its features, and leaves what was found in z, NaN where nothing was.</summary>
    private RowSolution Search(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, ICollection<double>? trace)
    {
        CheckRow(x, scratch);
        Check.Length((ReadOnlySpan<float>)z, StateSize, "(d)", nameof(z));
        if (Kernels.AllFinite(x))
        {
            return SearchFinite(x, scratch, z, trace);
        }
        z.Fill(float.NaN);
        return new RowSolution(SolveStatus.InvalidInput, 0, double.NaN);
    }

    /// <summary>Needs one state less of scratch than <see cref="ScratchSize"/>: that one holds z in <see cref="EvaluateCore"/>. The first d values of it are u in the end.</summary>
    private RowSolution SearchFinite(ReadOnlySpan<float> x, Span<float> scratch, Span<float> z, ICollection<double>? trace = null)
    {
        var injection = scratch[..StateSize];
        Inject(x, scratch[StateSize..], injection);
        z.Clear();
        var solution = _solver.Solve(injection, z, scratch[StateSize..], trace);
        if (solution.Status == SolveStatus.Diverged)
        {
            z.Fill(float.NaN);
            return solution with { Residual = double.PositiveInfinity };
        }
        return solution;
    }

    /// <summary>Gives a row that is not solved what <see cref="EquilibriumSettings.OnNonConvergence"/> says.</summary>
    private RowSolution Settle(RowSolution solution, Span<float> z)
    {
        if (!solution.Status.IsSolved() && solution.Status != SolveStatus.InvalidInput)
        {
            switch (Scoring.OnNonConvergence)
            {
                case OnNonConvergence.NaN:
                    z.Fill(float.NaN);
                    break;
                case OnNonConvergence.Throw:
                    throw new DivergenceException(FormattableString.Invariant(
                        $"The equilibrium of a row was not found: {solution.Status} after {solution.Iterations} iterations, residual {solution.Residual:G3}. {solution.Status.Advice()} Or set OnNonConvergence to ReturnBest or NaN."));
            }
        }
        return solution;
    }

    private protected override void EvaluateCore(ReadOnlySpan<float> x, Span<float> scratch, Span<float> y)
    {
        var z = scratch[..StateSize];
        Settle(SearchFinite(x, scratch[StateSize..], z), z);
        Read(x, z, y);
    }

    /// <summary>u = U e(x) + b, with at least <see cref="ScratchSize"/> - 2 d of scratch.</summary>
    internal void Inject(ReadOnlySpan<float> x, Span<float> scratch, Span<float> injection) => _arrays.Inject(x, scratch, injection);

    /// <summary>y = V z + S x + c.</summary>
    internal void Read(ReadOnlySpan<float> x, ReadOnlySpan<float> z, Span<float> y) => _arrays.Read(x, z, y);

    internal override DeqNetwork Fold(AffineMap inputMap, AffineMap outputMap)
    {
        CheckFold(inputMap, outputMap);
        var folded = Weights;
        if (Encoder.Count > 0)
        {
            folded = folded with { Encoder = DenseLayers.FoldBefore(inputMap, Encoder) };
        }
        else
        {
            var (u, b) = inputMap.FoldBefore(folded.U, folded.B);
            folded = folded with { U = u, B = b };
        }
        if (folded.S is { } s)
        {
            var (skip, constant) = inputMap.FoldBefore(s, folded.C);
            folded = folded with { S = outputMap.FoldAfter(skip, constant).Weights, C = constant };
        }
        var (v, c) = outputMap.FoldAfter(folded.V, folded.C);
        return new DeqNetwork(folded with { V = v, C = c }, Activation, Link, Scoring, Certificate.Rule, Certificate);
    }

    internal DeqNetwork WithUnroll(UnrollCurve curve) => new(Weights, Activation, Link, Scoring, Certificate.Rule, Certificate, curve);
}

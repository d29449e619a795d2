using Deq.MLNet.Equilibrium;
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
    private readonly DeqArrays<float> _arrays;
    private readonly RowSolver<float> _solver;
    private readonly Lazy<Certificate> _certificate;
    private readonly Lazy<DeqReference> _reference;

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
    internal DeqNetwork(DeqWeights weights, Activation activation, Link link, EquilibriumSettings scoring, WellPosedness rule, Certificate? certificate = null, IReadOnlyList<UnrollCurve>? curves = null)
        : base(weights.InputSize, weights.OutputSize, activation, link)
    {
        Weights = weights.Checked();
        if (weights.Gain is not null)
        {
            LayerNormalizedCell.Check(scoring.Solver, nameof(scoring));
        }
        _arrays = new DeqArrays<float>(weights, activation);
        _solver = new RowSolver<float>(rule.Resolve(scoring.Solver, activation), scoring.Tolerance, scoring.MaxIterations, Cell);
        // What W proves of a cell without normalisation, it does not prove of one with it.
        _certificate = certificate is null ? new Lazy<Certificate>(() => rule.Certify(weights.W, StateSize, activation, proves: weights.Gain is null)) : new Lazy<Certificate>(certificate);
        _reference = new Lazy<DeqReference>(() => new DeqReference(this));
        Scoring = scoring;
        UnrollCurves = curves ?? [];
        // The encoder is done before the solver begins.
        ScratchSize = checked(2 * StateSize + Math.Max(_solver.ScratchSize, _arrays.ScratchSize) + AlignedArray.Slack);
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

    /// <summary>The errors of forms of an export against the number of steps, measured on training rows, at most one for each form; empty where none was measured.</summary>
    public IReadOnlyList<UnrollCurve> UnrollCurves { get; }

    /// <inheritdoc/>
    public override int ParameterCount => Weights.Arrays.Sum(a => a.Values.Length);

    /// <inheritdoc/>
    public override int ScratchSize { get; }

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

    internal DeqNetwork WithCurves(params IReadOnlyList<UnrollCurve> curves) => new(Weights, Activation, Link, Scoring, Certificate.Rule, Certificate, curves);
}

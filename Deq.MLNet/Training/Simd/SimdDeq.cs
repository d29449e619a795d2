using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Simd.Solvers;

namespace Deq.MLNet.Training.Simd;

/// <summary>
/// The deep equilibrium network in managed code: the solve, the read-out, and the gradients of all weights. With M the solution of M = phi'(A) (G + M W), G the gradient by the state,
/// the implicit function theorem gives dL/dW = M' Z, dL/dU = M' X, dL/db = M' 1 (Bai, Kolter, Koltun 2019, theorem 1).
/// </summary>
internal sealed unsafe class SimdDeq : SimdModel
{
    private readonly DeqArchitecture _architecture;
    private readonly Link _link;
    private readonly DeqShape _shape;
    private readonly BatchKernels _kernels;
    private readonly VectorForm _form;
    private readonly BlockSolver _solver, _scoring;
    private readonly SimdGradient _gradient;
    private readonly SimdParameter _w, _u, _b, _v, _c;
    private readonly SimdParameter? _s;

    /// <summary>The weights as right factors: W' and U' on the way forth, W and V on the way back.</summary>
    private readonly Panels _wForth, _uForth, _vForth, _wBack, _vBack;
    private readonly Panels? _sForth;
    private readonly SolveCounts _counts = new();
    private float[]? _states;
    private Workspace _work = null!;

    public SimdDeq(DeqArchitecture architecture, DeqNetwork network, VectorForm form)
    {
        (_architecture, _link, _shape, _form) = (architecture, network.Link, network.Weights.Shape, form);
        _kernels = BatchKernels.Create(form, architecture.Activation);
        Parameters = new SimdParameters([.. _shape.Arrays]);
        (_w, _u, _b, _v, _c, _s) = (Parameters["W"], Parameters["U"], Parameters["b"], Parameters["V"], Parameters["c"], Parameters.Find("S"));
        foreach (var (name, values) in network.Weights.Arrays)
        {
            values.Span.CopyTo(Parameters[name].ValueSpan);
        }
        var (d, outputs) = (_shape.States, _shape.Outputs);
        (_wForth, _uForth, _vForth) = (new Panels(d, d), new Panels(_shape.EncodedSize, d), new Panels(d, outputs));
        (_wBack, _vBack) = (new Panels(d, d), new Panels(outputs, d));
        _sForth = _s is null ? null : new Panels(_shape.Inputs, outputs);
        _solver = new BlockSolver(architecture.Solver, architecture.Tolerance, architecture.MaxIterations, d);
        _scoring = new BlockSolver(architecture.Solver, architecture.Scoring.Tolerance, architecture.Scoring.MaxIterations, d);
        _gradient = SimdGradient.Create(architecture, d);
    }

    public override SimdParameters Parameters { get; }

    public override int BlockRows => _shape.States <= 64 ? 64 : _shape.States <= 256 ? 32 : 64;

    public override IReadOnlyList<GradientProduct> Products => _work.Products;

    public override float[]? States => _states;

    public override void Attach(int rows) => _states = _architecture.WarmStart ? new float[rows * _shape.States] : null;

    public override void Prepare(SimdBatch batch, bool training)
    {
        _work = Workspace.For(this, batch, _work);
        var d = _shape.States;
        _wForth.PackTransposed(_w.Values, d);
        _uForth.PackTransposed(_u.Values, _u.Columns);
        _vForth.PackTransposed(_v.Values, d);
        if (_s is { } skip)
        {
            _sForth!.PackTransposed(skip.Values, skip.Columns);
        }
        _work.Training = training;
        if (training)
        {
            _wBack.Pack(_w.Values, d);
            _vBack.Pack(_v.Values, d);
        }
    }

    public override void Forward(RowBlock rows)
    {
        var work = _work;
        var batch = work.Batch;
        _kernels.Affine(batch.X, _uForth, _b.Values, work.Injection, rows);
        var warm = work.Training && _states is not null;
        if (warm)
        {
            ReadStates(rows);
        }
        var solution = _kernels.SolveCell(work.Training ? _solver : _scoring, _wForth, work.Injection, null, work.Z, work.F, rows, !warm);
        work.Forward[rows.First / BlockRows] = solution;
        if (warm)
        {
            KeepStates(rows);
        }
        _kernels.Affine(work.Z, _vForth, _c.Values, batch.Outputs, rows);
    }

    public override void Backward(RowBlock rows)
    {
        var work = _work;
        _kernels.Affine(work.Batch.OutputGradient, _vBack, null, work.StateGradient, rows);
        _kernels.Slope(work.F, work.F, work.Slope, rows);
        work.Backward[rows.First / BlockRows] = _gradient.Backward(_kernels, _wBack, work, rows);
    }

    public override void Collect()
    {
        _counts.Forward(Sum(_work.Forward));
        _counts.Backward(Sum(_work.Backward));
    }

    public override SolveFigures ReadFigures() => _counts.Read(double.NaN);

    public override Network ToNetwork() =>
        _architecture.Make(DeqWeights.Of(_shape, _shape.Arrays.ToDictionary(a => a.Name, a => Parameters[a.Name].ValueSpan.ToArray())), _link);

    internal long LastRowIterations() => _work.Forward.Sum(b => b.RowIterations) + _work.Backward.Sum(b => b.RowIterations);

    private static BatchSolution Sum(BlockSolution[] blocks)
    {
        var (most, worst, unsolved) = (0, 0.0, 0);
        foreach (var block in blocks)
        {
            (most, worst, unsolved) = (Math.Max(most, block.Iterations), Math.Max(worst, block.WorstResidual), unsolved + block.Unsolved);
        }
        return new BatchSolution(most, worst, Unsolved: unsolved);
    }

    /// <summary>The start of each row is where its last solve ended.</summary>
    private void ReadStates(RowBlock rows)
    {
        var d = _shape.States;
        for (var row = rows.First; row < rows.First + rows.Padded; row++)
        {
            var index = _work.Batch.Indices[Math.Min(row, _work.Batch.Rows - 1)];
            _states.AsSpan(index * d, d).CopyTo(_work.Z[row]);
        }
    }

    /// <summary>Zero instead of a state that is not finite, from which no solve would come back.</summary>
    private void KeepStates(RowBlock rows)
    {
        var d = _shape.States;
        for (var row = rows.First; row < rows.First + rows.Count; row++)
        {
            var kept = _states.AsSpan(_work.Batch.Indices[row] * d, d);
            if (Kernels.AllFinite<float>(_work.Z[row]))
            {
                _work.Z[row].CopyTo(kept);
            }
            else
            {
                kept.Clear();
            }
        }
    }

    /// <summary>The matrices of one batch, B x d, kept from step to step.</summary>
    internal sealed class Workspace
    {
        private Workspace(SimdDeq model, SimdBatch batch)
        {
            Batch = batch;
            PaddedMatrix New() => new(batch.Rows, model._shape.States);
            (Injection, Z, F, StateGradient, Slope, M, Next) = (New(), New(), New(), New(), New(), New(), New());
            var blocks = (batch.Rows + model.BlockRows - 1) / model.BlockRows;
            (Forward, Backward) = (new BlockSolution[blocks], new BlockSolution[blocks]);
            Products =
            [
                new GradientProduct(M, Z, model._w, null, model._form),
                new GradientProduct(M, batch.X, model._u, model._b, model._form),
                new GradientProduct(batch.OutputGradient, Z, model._v, model._c, model._form),
            ];
        }

        public SimdBatch Batch { get; }

        public PaddedMatrix Injection { get; }

        public PaddedMatrix Z { get; }

        public PaddedMatrix F { get; }

        public PaddedMatrix StateGradient { get; }

        public PaddedMatrix Slope { get; }

        public PaddedMatrix M { get; }

        public PaddedMatrix Next { get; }

        /// <summary>How every block was solved.</summary>
        public BlockSolution[] Forward { get; }

        public BlockSolution[] Backward { get; }

        public IReadOnlyList<GradientProduct> Products { get; }

        public bool Training { get; set; }

        public static Workspace For(SimdDeq model, SimdBatch batch, Workspace? last) => last?.Batch == batch ? last : new Workspace(model, batch);
    }
}

using System.Diagnostics;
using System.Globalization;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>Every solver on every kind of cell that it is for: iterations, error against the float64 equilibrium, and time; row by row in managed code, and as a batch of tensors.</summary>
internal static class Solvers
{
    private const int Rows = 32, MaxIterations = 5_000;

    /// <summary>What a row's residual may be, relative: reached in float32.</summary>
    private static readonly Tolerance Tolerance = new(1e-5);

    private static readonly FixedPointSolver[] Contracting = [new Picard(), new Anderson(), new Broyden(), new Newton(), new Auto()];
    private static readonly FixedPointSolver[] ForMonotone = [new PeacemanRachford(), new ForwardBackward(), new Newton()];
    private static readonly FixedPointSolver[] ForTriangular = [new ForwardSubstitution(), new Picard(), new Newton()];

    /// <summary>The cells, by name, and the solvers that they are for.</summary>
    private static readonly (string Name, CellKind Kind, double Rho, FixedPointSolver[] Solvers)[] Problems =
    [
        ("Gaussian 0.3", CellKind.Gaussian, 0.3, Contracting),
        ("Gaussian 0.9", CellKind.Gaussian, 0.9, Contracting),
        ("Gaussian 0.99", CellKind.Gaussian, 0.99, Contracting),
        ("rotation 0.9", CellKind.Rotation, 0.9, Contracting),
        ("rotation 0.99", CellKind.Rotation, 0.99, Contracting),
        (Hard, CellKind.NearlySingular, 0.99, Contracting),
        ("nearly singular 0.9999", CellKind.NearlySingular, 0.9999, Contracting),
        ("monotone, m = 1", CellKind.Monotone, 0, ForMonotone),
        ("monotone, m = 0.1", CellKind.Monotone, 0.9, ForMonotone),
        ("triangular", CellKind.Triangular, 0, ForTriangular),
        ("diagonal 0.99", CellKind.Diagonal, 0.99, [new ForwardSubstitution(), .. Contracting]),
    ];

    private const string Hard = "nearly singular 0.99";

    /// <summary>One solver on rows of one cell.</summary>
    /// <param name="MeanIterations">Over the rows.</param>
    /// <param name="WorstError">||z - z*|| / ||z*||, of the worst row.</param>
    /// <param name="WorstExcess">The largest error over its allowed bound, of the rows that are said to be solved.</param>
    /// <param name="Unsolved">Rows that are said not to be.</param>
    /// <param name="Microseconds">A row.</param>
    private sealed record Outcome(double MeanIterations, double WorstError, double WorstExcess, int Unsolved, double Microseconds);

    public static int Run()
    {
        TorchBackend.EnsureAvailable("cpu");
        set_num_threads(1);
        Console.WriteLine(Machine.Describe());
        var worst = 0.0;
        var figures = new Dictionary<string, double>();
        foreach (var size in new[] { 8, 64 })
        {
            Console.WriteLine(Text($"\n{size} states, ReLU, {Rows} rows, relative residual {Tolerance.Relative}"));
            Console.WriteLine(Text($"{"cell",-24}{"solver",-22}{"form",-18}{"iterations",10}{"error",11}{"of bound",10}{"unsolved",10}{"us a row",10}"));
            foreach (var (name, kind, rho, solvers) in Problems)
            {
                var cell = new Batch(new CellProblem(kind, size, rho, Activation.ReLU, 1));
                foreach (var solver in solvers)
                {
                    var forms = new List<(string Form, Func<Outcome> Measure)>
                    {
                        ("tensor float32", () => InTensors(cell, solver, ScalarType.Float32)),
                        ("tensor float64", () => InTensors(cell, solver, ScalarType.Float64)),
                    };
                    if (solver is not Broyden)
                    {
                        forms.Insert(0, ("managed float32", () => Managed(cell, solver)));
                    }
                    foreach (var (form, measure) in forms)
                    {
                        var outcome = measure();
                        worst = Math.Max(worst, outcome.WorstExcess);
                        Console.WriteLine(Text($"{name,-24}{solver.GetType().Name,-22}{form,-18}{outcome.MeanIterations,10:F1}{outcome.WorstError,11:G2}{outcome.WorstExcess,10:F3}{outcome.Unsolved,10}{outcome.Microseconds,10:F1}"));
                        if (size == 64 && form == "managed float32" && FigureOf(name, solver) is { } figure)
                        {
                            figures[figure] = outcome.MeanIterations;
                        }
                    }
                }
            }
        }
        figures["solver_worst_excess"] = worst;
        figures["implicit_gradient_error32"] = Gradients.WorstError(ScalarType.Float32);
        figures["implicit_gradient_error64"] = Gradients.WorstError(ScalarType.Float64);
        figures["bound_violations"] = Bounds.Violations();
        Console.WriteLine();
        foreach (var (name, value) in figures)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure {name} {value:G4}"));
        }
        return worst <= 1 && figures["bound_violations"] == 0 ? 0 : 1;
    }

    private static string? FigureOf(string problem, FixedPointSolver solver) => (problem, solver) switch
    {
        (Hard, Picard) => "picard_hard_iterations",
        (Hard, Anderson) => "anderson_hard_iterations",
        ("monotone, m = 1", PeacemanRachford) => "peaceman_rachford_iterations",
        _ => null,
    };

    /// <summary>Rows of one cell, with their float64 equilibria and the error that the tolerance allows each.</summary>
    private sealed class Batch
    {
        public Batch(CellProblem problem)
        {
            Problem = problem;
            var random = new Random(problem.Seed + 1);
            Injections = [.. Enumerable.Range(0, Rows).Select(_ => RandomCell.Values(random, problem.Size, 1))];
            Equilibria = [.. Injections.Select(u => problem.EquilibriumOf(Linear.ToDouble(u)))];
        }

        public CellProblem Problem { get; }

        public float[][] Injections { get; }

        public double[][] Equilibria { get; }

        /// <summary>The error of row r that a residual of the tolerance allows at a state of some norm, and what rounding adds: a few errors of one evaluation, as much stretched as the residual is.</summary>
        public double Allowed(int row, double norm, double epsilon)
        {
            var rounding = epsilon * ((Linear.Norm(Problem.W64) + 4) * norm + Linear.Norm(Linear.ToDouble(Injections[row])));
            return Problem.ErrorPerResidual * (Tolerance.Relative * (1 + Tolerance.Relative) * norm + Tolerance.Absolute + 4 * rounding);
        }

        public Outcome Judge(double[][] states, IReadOnlyList<RowSolution> solutions, double microseconds, double epsilon)
        {
            var errors = states.Select((z, row) => Linear.Distance(z, Equilibria[row])).ToList();
            var excess = errors.Select((e, row) => solutions[row].Status.IsSolved() ? e / Allowed(row, Linear.Norm(states[row]), epsilon) : 0).Max();
            return new Outcome(solutions.Average(s => s.Iterations), errors.Select((e, row) => e / Math.Max(1e-30, Linear.Norm(Equilibria[row]))).Max(), excess, solutions.Count(s => !s.Status.IsSolved()), microseconds);
        }
    }

    private static Outcome Managed(Batch batch, FixedPointSolver solver)
    {
        var d = batch.Problem.Size;
        var rows = new RowSolver<float>(solver, Tolerance, MaxIterations, new CellWeights<float>(batch.Problem.W, batch.Problem.Activation));
        var (scratch, states) = (new float[rows.ScratchSize], batch.Injections.Select(_ => new float[d]).ToArray());
        var solutions = new RowSolution[Rows];
        var time = Time(() =>
        {
            for (var row = 0; row < Rows; row++)
            {
                states[row].AsSpan().Clear();
                solutions[row] = rows.Solve(batch.Injections[row], states[row], scratch);
            }
        });
        return batch.Judge([.. states.Select(z => Linear.ToDouble(z))], solutions, time / Rows, 1.2e-7);
    }

    private static Outcome InTensors(Batch batch, FixedPointSolver options, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        long d = batch.Problem.Size;
        var w = tensor(batch.Problem.W).view(d, d).to(type);
        var injection = tensor(batch.Injections.SelectMany(u => u).ToArray()).view(Rows, d).to(type);
        using var solver = TensorSolver.Create(options, TensorPlace.On("cpu"));
        solver.TellsRows = true;
        var (z, f) = (zeros_like(injection), zeros_like(injection));
        var time = Time(() =>
        {
            using var inner = NewDisposeScope();
            z.zero_();
            solver.Solve(new CellMap(w, injection, batch.Problem.Activation, null), z, f, Tolerance, MaxIterations);
        });
        var states = z.to(ScalarType.Float64).data<double>().ToArray().Chunk((int)d).ToArray();
        return batch.Judge(states, solver.Rows, time / Rows, type == ScalarType.Float32 ? 1.2e-7 : 2.3e-16);
    }

    /// <summary>Microseconds of one call, the median of many.</summary>
    private static double Time(Action action)
    {
        var times = new List<double>();
        for (var watch = Stopwatch.StartNew(); times.Count < 3 || watch.ElapsedMilliseconds < 60;)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        return times.Order().ElementAt(times.Count / 2);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

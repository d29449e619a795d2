using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// Plain iterations whose products have operands of bfloat16, before a solve that starts far from the fixed points: act(bf16(z) bf16(M) + u), with states and sums of the solve's own type.
/// They end at a residual that the rounding still allows; a row that is near from the start, or that they bring no nearer, keeps its start.
/// </summary>
internal sealed class CoarseStart(TensorPlace place)
{
    /// <summary>The residual to reach: a few times what rounding to 8 bits makes of one.</summary>
    private const double Goal = 1e-2;

    private static readonly Tolerance ToGoal = new(Goal);

    /// <summary>Of the iterations that a solve may take.</summary>
    private const int LargestShare = 4;

    private const int TestEvery = TensorStep.Interval;

    /// <summary>What a residual must come down to from one iteration to the next: where plain iteration is slower, the methods that mix iterates need fewer steps than it.</summary>
    private const double Gain = 0.91;

    private readonly TestTimes _times = new();

    public void BeginEpoch() => _times.Forget();

    /// <summary>Brings a start (B x d) nearer to the fixed points, and returns the iterations that it took.</summary>
    public int Improve(TensorMap map, Tensor z, Tolerance tolerance, int maxIterations)
    {
        var most = maxIterations / LargestShare;
        if (most < TestEvery || tolerance.Relative >= Goal)
        {
            return 0;
        }
        using var scope = NewDisposeScope();
        var matrix = map.Matrix.to(ScalarType.BFloat16);
        var (present, value) = (z.clone(), empty_like(z));
        Apply(map, matrix, present, value);
        var start = RowResiduals.Of(present, value, tolerance).Scaled;
        var test = place.JudgesRows ? Math.Min(most, _times.First(ToGoal, TestEvery)) : TestEvery;
        var (tested, worst) = (0, double.PositiveInfinity);
        for (var iteration = 2; ; iteration++)
        {
            (present, value) = (value, present);
            Apply(map, matrix, present, value);
            if (iteration < test)
            {
                continue;
            }
            var residuals = RowResiduals.Of(present, value, tolerance);
            var now = residuals.ReadWorst();
            if (now <= Goal || !(now < Math.Pow(Gain, iteration - tested) * worst) || iteration >= most)
            {
                Remember(iteration, now);
                var nearer = residuals.Scaled.lt(start).logical_and(start.IsAbove(Goal)).logical_and(residuals.Norm.isfinite());
                z.copy_(where(nearer.unsqueeze(1), value, z));
                return iteration;
            }
            test = Math.Min(most, place.JudgesRows ? _times.Next(iteration, now) : iteration + TestEvery);
            (tested, worst) = (iteration, now);
        }
    }

    private void Remember(int iteration, double residual)
    {
        if (residual <= Goal)
        {
            _times.Ended(ToGoal, iteration, residual);
        }
        else
        {
            _times.Forget();
        }
    }

    private static void Apply(TensorMap map, Tensor matrix, Tensor z, Tensor f)
    {
        using var scope = NewDisposeScope();
        f.copy_(map.Injection).AddInPlace(z.to(ScalarType.BFloat16).mm(matrix));
        map.Activate(f);
    }
}

using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>The optimizers in one pass over values, gradients and moments, by parts that know nothing of one another.</summary>
internal abstract unsafe class SimdOptimizer
{
    /// <summary>Values of a part: those of four arrays stay in a core's second cache.</summary>
    private const int PartLength = 1 << 14;

    private readonly SimdParameters _parameters;
    private readonly AlignedArray[] _moments;
    private long _steps;

    private SimdOptimizer(SimdParameters parameters, int moments)
    {
        _parameters = parameters;
        _moments = [.. Enumerable.Range(0, moments).Select(_ => new AlignedArray(parameters.PaddedLength))];
    }

    public static SimdOptimizer Create(Optimizer options, SimdParameters parameters, double weightDecay, VectorForm form) => form switch
    {
        VectorForm.Vector512 => Create<Wide512>(options, parameters, weightDecay),
        VectorForm.Vector256 => Create<Wide256>(options, parameters, weightDecay),
        _ => Create<Wide128>(options, parameters, weightDecay),
    };

    private static SimdOptimizer Create<T>(Optimizer options, SimdParameters parameters, double weightDecay) where T : unmanaged, IWide<T> => options switch
    {
        Adam adam => new AdamRule<T>(adam, parameters, weightDecay, decoupled: false),
        AdamW adamW => new AdamRule<T>(adamW.Moments, parameters, weightDecay, decoupled: true),
        Sgd sgd => new SgdRule<T>(sgd, parameters, weightDecay),
        _ => throw new NotSupportedException($"{options} has no managed form."),
    };

    /// <summary>Parts that may run at the same time.</summary>
    public int Parts => (_parameters.PaddedLength + PartLength - 1) / PartLength;

    /// <summary>Begins a step.</summary>
    /// <param name="learningRate">Of the step.</param>
    /// <param name="gradientScale">What gradients are multiplied by first.</param>
    public void BeginStep(double learningRate, double gradientScale)
    {
        _steps += CountsSteps ? 1 : 0;
        SetStep(learningRate, gradientScale, _steps);
    }

    /// <summary>Moves the values of one part against their gradients.</summary>
    public void Run(int part)
    {
        var first = part * PartLength;
        Move(_parameters.FirstValue, _parameters.FirstGradient, first, Math.Min(first + PartLength, _parameters.PaddedLength));
    }

    public OptimizerState Read() => new(_steps, [.. _moments.Select(m => m.Span[.._parameters.Values.Length].ToArray())]);

    public void Load(OptimizerState state)
    {
        var size = _parameters.Values.Length;
        if (state.Moments.Count != _moments.Length || state.Moments.Any(m => m.Length != size))
        {
            throw new ArgumentException($"The moments given have {string.Join(", ", state.Moments.Select(m => m.Length))} values; this optimizer has {_moments.Length} of {size}.", nameof(state));
        }
        _steps = state.Steps;
        foreach (var (moment, values) in _moments.Zip(state.Moments))
        {
            values.CopyTo(moment.Span);
        }
    }

    /// <summary>Whether the rule goes by the number of steps.</summary>
    protected abstract bool CountsSteps { get; }

    protected abstract void SetStep(double learningRate, double gradientScale, long steps);

    protected abstract void Move(float* values, float* gradients, int first, int end);

    private sealed class AdamRule<T>(Adam options, SimdParameters parameters, double weightDecay, bool decoupled) : SimdOptimizer(parameters, 2) where T : unmanaged, IWide<T>
    {
        private float _scale, _keep, _divisorScale, _rate;

        protected override bool CountsSteps => true;

        protected override void SetStep(double learningRate, double gradientScale, long steps)
        {
            _scale = (float)gradientScale;
            _keep = decoupled ? (float)(1 - learningRate * weightDecay) : 1;
            _divisorScale = (float)(1 / Math.Sqrt(1 - Math.Pow(options.Beta2, steps)));
            _rate = (float)(-learningRate / (1 - Math.Pow(options.Beta1, steps)));
        }

        protected override void Move(float* values, float* gradients, int first, int end)
        {
            var mean = _moments[0].Pointer;
            var meanSquare = _moments[1].Pointer;
            var (scale, keep, decay) = (T.Create(_scale), T.Create(_keep), T.Create(decoupled ? 0 : (float)weightDecay));
            var (newMean, oldSquare, newSquare) = (T.Create((float)(1 - (double)options.Beta1)), T.Create(options.Beta2), T.Create((float)(1 - (double)options.Beta2)));
            var (divisorScale, epsilon, rate) = (T.Create(_divisorScale), T.Create(options.Epsilon), T.Create(_rate));
            for (var i = first; i < end; i += T.Count)
            {
                var value = T.Load(values + i);
                var gradient = T.MultiplyAdd(decay, value, T.Load(gradients + i) * scale);
                var m = T.Load(mean + i);
                m = T.MultiplyAdd(gradient - m, newMean, m);
                T.Store(mean + i, m);
                var square = T.MultiplyAdd(T.Load(meanSquare + i), oldSquare, gradient * gradient * newSquare);
                T.Store(meanSquare + i, square);
                var divisor = T.MultiplyAdd(T.Sqrt(square), divisorScale, epsilon);
                T.Store(values + i, T.MultiplyAdd(rate, m / divisor, value * keep));
            }
        }
    }

    private sealed class SgdRule<T>(Sgd options, SimdParameters parameters, double weightDecay) : SimdOptimizer(parameters, 1) where T : unmanaged, IWide<T>
    {
        private float _scale, _rate;

        protected override bool CountsSteps => false;

        protected override void SetStep(double learningRate, double gradientScale, long steps) => (_scale, _rate) = ((float)gradientScale, (float)-learningRate);

        protected override void Move(float* values, float* gradients, int first, int end)
        {
            var velocity = _moments[0].Pointer;
            var (scale, decay, momentum, rate) = (T.Create(_scale), T.Create((float)weightDecay), T.Create(options.Momentum), T.Create(_rate));
            for (var i = first; i < end; i += T.Count)
            {
                var value = T.Load(values + i);
                var gradient = T.MultiplyAdd(decay, value, T.Load(gradients + i) * scale);
                var v = T.MultiplyAdd(T.Load(velocity + i), momentum, gradient);
                T.Store(velocity + i, v);
                T.Store(values + i, T.MultiplyAdd(rate, v, value));
            }
        }
    }
}

using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>The optimizers as operations in place on flat tensors; their state lives on the same device.</summary>
internal abstract class TensorOptimizer : IDisposable
{
    public static TensorOptimizer Create(Optimizer options, ParameterBuffer parameters, double weightDecay) => options switch
    {
        Adam adam => new AdamRule(adam, parameters, weightDecay, decoupled: false),
        AdamW adamW => new AdamRule(adamW.Moments, parameters, weightDecay, decoupled: true),
        Sgd sgd => new SgdRule(sgd, parameters, weightDecay),
        _ => throw new NotSupportedException($"{options} has no tensor form."),
    };

    /// <summary>Moves the values against the gradients, which may be overwritten.</summary>
    public abstract void Step(double learningRate);

    /// <summary>Steps so far, where the rule goes by them.</summary>
    protected long Steps { get; set; }

    /// <summary>Running means over the gradients.</summary>
    protected abstract IReadOnlyList<Tensor> Moments { get; }

    public OptimizerState Read() => new(Steps, [.. Moments.Select(DeviceReads.Floats)]);

    public void Load(OptimizerState state)
    {
        if (state.Moments.Count != Moments.Count || state.Moments.Any(m => m.Length != Moments[0].numel()))
        {
            throw new ArgumentException($"The moments given have {string.Join(", ", state.Moments.Select(m => m.Length))} values; this optimizer has {Moments.Count} of {Moments[0].numel()}.", nameof(state));
        }
        Steps = state.Steps;
        foreach (var (moment, values) in Moments.Zip(state.Moments))
        {
            ParameterBuffer.Copy(values, moment);
        }
    }

    public abstract void Dispose();

    private sealed class AdamRule(Adam options, ParameterBuffer parameters, double weightDecay, bool decoupled) : TensorOptimizer
    {
        private readonly Tensor _mean = zeros_like(parameters.Values).DetachFromDisposeScope();
        private readonly Tensor _meanSquare = zeros_like(parameters.Values).DetachFromDisposeScope();
        private readonly Tensor _divisor = zeros_like(parameters.Values).DetachFromDisposeScope();

        protected override IReadOnlyList<Tensor> Moments => [_mean, _meanSquare];

        public override void Step(double learningRate)
        {
            var (values, gradients) = (parameters.Values, parameters.Gradients);
            Steps++;
            if (weightDecay > 0 && decoupled)
            {
                values.MultiplyInPlace(1 - learningRate * weightDecay);
            }
            else if (weightDecay > 0)
            {
                gradients.AddInPlace(values, weightDecay);
            }
            _mean.MoveInPlace(gradients, 1 - (double)options.Beta1);
            _meanSquare.MultiplyInPlace(options.Beta2);
            _meanSquare.AddProductInPlace(gradients, gradients, 1 - (double)options.Beta2);
            _divisor.copy_(_meanSquare);
            _divisor.sqrt_();
            _divisor.MultiplyInPlace(1 / Math.Sqrt(1 - Math.Pow(options.Beta2, Steps)));
            _divisor.AddInPlace(options.Epsilon);
            values.AddQuotientInPlace(_mean, _divisor, -learningRate / (1 - Math.Pow(options.Beta1, Steps)));
        }

        public override void Dispose()
        {
            _mean.Dispose();
            _meanSquare.Dispose();
            _divisor.Dispose();
        }
    }

    private sealed class SgdRule(Sgd options, ParameterBuffer parameters, double weightDecay) : TensorOptimizer
    {
        private readonly Tensor _velocity = zeros_like(parameters.Values).DetachFromDisposeScope();

        protected override IReadOnlyList<Tensor> Moments => [_velocity];

        public override void Step(double learningRate)
        {
            var (values, gradients) = (parameters.Values, parameters.Gradients);
            if (weightDecay > 0)
            {
                gradients.AddInPlace(values, weightDecay);
            }
            _velocity.MultiplyInPlace(options.Momentum);
            _velocity.AddInPlace(gradients);
            values.AddInPlace(_velocity, -learningRate);
        }

        public override void Dispose() => _velocity.Dispose();
    }
}

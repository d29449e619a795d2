using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>Whether it would pay to train several small models at once: the bare operations of a training step of M models in batched products, against those of one model M times.</summary>
internal static class ManyModels
{
    private const int Models = 8, Batch = 256, Features = 16, Iterations = 12;

    public static void Measure(MeasuredDevice device, Report report)
    {
        var rows = new List<string[]>();
        foreach (var size in new[] { 64, 128 })
        {
            using Operations together = new(Models, size, device), alone = new(1, size, device);
            Way batched = new($"{Models} models at once", together.Step) { Finish = device.Synchronize };
            Way single = new($"one model {Models} times", () =>
            {
                for (var i = 0; i < Models; i++)
                {
                    alone.Step();
                }
            })
            { Finish = device.Synchronize };
            var rounds = Rounds.Measure(device.Effort, batched, single);
            var gain = rounds.TimesFaster(batched, single);
            rows.Add([$"{size}", $"{rounds.Milliseconds(batched)}", $"{rounds.Milliseconds(single)}", $"{gain}"]);
            report.Figure($"gpu_batched_models_gain_{size}", gain, $"{Models} models, batch {Batch}, bare operations; the trainers train one at a time");
        }
        Report.Table($"Bare operations of a training step of {Models} models, batch {Batch}, {Iterations} iterations either way: ms, median (least to most). The trainers train one model at a time",
            ["states", $"{Models} models at once", $"one model {Models} times", "times faster"], rows);
    }

    /// <summary>What a step does with M models of M x B x d states; of one, with matrices of two dimensions.</summary>
    private sealed class Operations : IDisposable
    {
        private readonly Tensor[] _all;
        private readonly Tensor _x, _y, _w, _u, _b, _v, _parameters, _gradients, _mean, _square;
        private readonly bool _isBatched;

        public Operations(int models, int size, MeasuredDevice device)
        {
            _isBatched = models > 1;
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            Tensor Keep(double scale, params long[] shape)
            {
                var values = randn(_isBatched ? [models, .. shape] : shape, device: device.Name);
                return (values * scale).DetachFromDisposeScope();
            }
            // A Gaussian W of a 2-norm of about 2 s sqrt(d).
            (_x, _y, _w) = (Keep(1, Batch, Features), Keep(1, Batch, 1), Keep(0.45 / Math.Sqrt(size), size, size));
            (_u, _b, _v) = (Keep(1 / Math.Sqrt(Features), size, Features), Keep(0.1, 1, size), Keep(1 / Math.Sqrt(size), 1, size));
            var count = size * size + size * Features + 2 * size;
            (_parameters, _gradients, _mean, _square) = (Keep(1, count), Keep(1, count), Keep(0, count), Keep(0, count));
            _all = [_x, _y, _w, _u, _b, _v, _parameters, _gradients, _mean, _square];
        }

        public void Step()
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var injection = Product(_b, _x, T(_u));
            var z = Solve(injection, T(_w), null);
            var error = z.matmul(T(_v)).sub_(_y);
            var slope = z.gt(0).to(z.dtype);
            var adjoint = Solve(error.matmul(_v).mul_(slope), _w, slope);
            // All gradients in one buffer, as the parameters are.
            var last = _isBatched ? 1 : 0;
            Tensor[] gradients = [T(adjoint).matmul(z), T(adjoint).matmul(_x), adjoint.sum(last), T(error).matmul(z)];
            _gradients.copy_(cat([.. gradients.Select(g => g.flatten(last))], last));
            _mean.MoveInPlace(_gradients, 0.1);
            _square.MultiplyInPlace(0.999).AddProductInPlace(_gradients, _gradients, 0.001);
            _parameters.AddQuotientInPlace(_mean, _square.sqrt().AddInPlace(1e-8), -1e-5);
        }

        private static Tensor Solve(Tensor injection, Tensor matrix, Tensor? slope)
        {
            var z = zeros_like(injection);
            for (var i = 1; i <= Iterations; i++)
            {
                var f = Product(injection, z, matrix);
                f = slope is null ? f.relu_() : f.mul_(slope);
                if (i % TensorStep.Interval == 0)
                {
                    // The test of every row, and the one number that the host reads.
                    DeviceReads.Number((f - z).norm(-1).div_(f.norm(-1).AddInPlace(1e-30)).max());
                }
                z = f;
            }
            return z;
        }

        private static Tensor Product(Tensor sum, Tensor left, Tensor right) => left.matmul(right).AddInPlace(sum);

        private static Tensor T(Tensor matrix) => matrix.transpose(-1, -2);

        public void Dispose() => Array.ForEach(_all, tensor => tensor.Dispose());
    }
}

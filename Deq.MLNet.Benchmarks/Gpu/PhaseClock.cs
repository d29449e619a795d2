using System.Diagnostics;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>Times the parts of steps, waiting for the device after each.</summary>
/// <param name="synchronize">Waits for the device.</param>
internal sealed class PhaseClock(Action synchronize) : IStepProbe
{
    private static readonly StepPhase[] Phases = Enum.GetValues<StepPhase>();

    private readonly List<double[]> _steps = [];
    private double[] _step = new double[Phases.Length];
    private long _last = Stopwatch.GetTimestamp();

    public void Ended(StepPhase phase)
    {
        synchronize();
        var now = Stopwatch.GetTimestamp();
        _step[(int)phase] += Stopwatch.GetElapsedTime(_last, now).TotalMilliseconds;
        _last = now;
        if (phase == StepPhase.Optimizer)
        {
            _steps.Add(_step);
            _step = new double[Phases.Length];
        }
    }

    /// <summary>The median over steps: the few that begin an epoch, where weights and an order go to the device, do not count.</summary>
    public double Milliseconds(StepPhase phase) => _steps.Count == 0 ? double.NaN : Spread.Of(_steps.Select(step => step[(int)phase])).Median;
}

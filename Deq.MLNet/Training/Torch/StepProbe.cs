namespace Deq.MLNet.Training.Torch;

/// <summary>A part of a step.</summary>
internal enum StepPhase { Gather, Solve, ReadOut, Adjoint, Gradients, Optimizer }

/// <summary>Is told when parts of a step end, for measurements. What was given to a device by then may still be at work.</summary>
internal interface IStepProbe
{
    void Ended(StepPhase phase);
}

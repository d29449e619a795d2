namespace Deq.MLNet.Tests.Training;

public sealed class GradientRecordsTests
{
    [Fact]
    public void Values_out_of_range_are_refused_by_name()
    {
        void Refused(Func<object> make, string message) => FluentActions.Invoking(make).Should().Throw<ArgumentOutOfRangeException>().WithMessage(message);

        Refused(() => new Implicit(0), "tolerance is 0; it must be positive*");
        Refused(() => new Implicit(maxIterations: 0), "maxIterations is 0; it must be at least 1*");
        Refused(() => new Phantom(0), "steps is 0; it must be at least 1*");
        Refused(() => new Phantom(damping: 0), "damping is 0; it must be positive*");
        Refused(() => new Phantom(damping: 1.5f), "damping is 1.5; it must be at most 1*");
        Refused(() => new Unrolled(0), "steps is 0; it must be at least 1*");
        Refused(() => new JacobianPenalty(0), "weight is 0; it must be positive*");
        Refused(() => new JacobianPenalty(float.NaN), "weight is NaN; it must be positive*");
        Refused(() => new JacobianPenalty(1, 0), "every is 0; it must be at least 1*");
        Refused(() => new FixedPointCorrection(0), "count is 0; it must be at least 1*");
        Refused(() => new FixedPointCorrection(1, -1), "weight is -1; it must be positive*");
    }

    [Fact]
    public void Defaults_are_those_documented()
    {
        (new Implicit().Tolerance, new Implicit().MaxIterations).Should().Be((null, null));
        (new Phantom().Steps, new Phantom().Damping).Should().Be((5, 0.5f));
        new Unrolled().Steps.Should().BeNull();
        new JacobianPenalty(0.3f).Every.Should().Be(1);
        (new FixedPointCorrection().Count, new FixedPointCorrection().Weight).Should().Be((2, 0.5f));
    }
}

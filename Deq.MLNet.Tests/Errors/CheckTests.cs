using Deq.MLNet.Errors;

namespace Deq.MLNet.Tests.Errors;

public class CheckTests
{
    [Fact]
    public void A_refusal_names_the_option_its_value_and_the_range()
    {
        var epochs = -3;
        var rate = float.NaN;
        var share = 1.0;
        Refusal(() => Check.AtLeast(epochs, 1)).Should().Match<ArgumentOutOfRangeException>(e => e.ParamName == "epochs" && Equals(e.ActualValue, -3))
            .And.Subject.As<Exception>().Message.Should().StartWith("epochs is -3; it must be at least 1.");
        Refusal(() => Check.Positive(rate)).Message.Should().StartWith("rate is NaN; it must be positive and finite.");
        Refusal(() => Check.Within(share, 0.0, 1.0)).Message.Should().StartWith("share is 1; it must be at least 0 and below 1.");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Positive_refuses_what_is_not_positive_and_finite(double value) =>
        Refusal(() => Check.Positive(value)).Should().BeOfType<ArgumentOutOfRangeException>();

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Within_takes_the_minimum_and_refuses_the_maximum(double outside)
    {
        Check.Within(0.0, 0, 1).Should().Be(0);
        Refusal(() => Check.Within(outside, 0, 1)).Should().BeOfType<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void A_null_and_a_wrong_length_are_named()
    {
        string? name = null;
        Refusal(() => Check.NotNull(name)).Should().BeOfType<ArgumentNullException>().Which.ParamName.Should().Be("name");
        Check.NotNull("x").Should().Be("x");

        var weights = new float[5];
        Refusal(() => Check.Length<float>(weights, 6, "d x n")).Should().BeOfType<ArgumentException>()
            .Which.Message.Should().StartWith("weights has 5 values; its shape d x n needs 6.");
        Check.Length<float>(weights, 5, "d").Length.Should().Be(5);
    }

    [Fact]
    public void Every_exception_of_the_library_keeps_its_message_and_cause()
    {
        var cause = new InvalidOperationException("cause");
        var types = typeof(DeqException).Assembly.GetExportedTypes().Where(t => t.IsSubclassOf(typeof(Exception))).ToList();
        types.Should().Contain([typeof(DeqException), typeof(DivergenceException), typeof(ModelFormatException), typeof(OnnxExportException), typeof(TorchBackendException), typeof(IncompatibleMLNetException)]);
        foreach (var type in types)
        {
            type.Should().BeAssignableTo<DeqException>();
            var plain = (Exception)Activator.CreateInstance(type, "what happened")!;
            plain.Message.Should().Be("what happened");
            var wrapped = (Exception)Activator.CreateInstance(type, "what happened", cause)!;
            wrapped.InnerException.Should().BeSameAs(cause);
        }
    }

    private delegate void Act();

    private static Exception Refusal(Act act) => Record.Exception(() => act())!;
}

using System.Globalization;
using Deq.MLNet.Tests.Training;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Deq.MLNet.Gpu;

/// <summary>Runs the tests of training on a device in this process, one after another, and prints the name of each as it begins, and what comes of it.</summary>
internal sealed class GpuTests : Xunit.LongLivedMarshalByRefObject, IMessageSink, IDisposable
{
    private const string NameEnd = " ... ";

    private readonly ManualResetEventSlim _done = new();
    private readonly List<ITestCase> _cases = [];
    private int _passed, _failed, _skipped;

    /// <param name="text">What the names of the tests to run contain, in any case; empty for all.</param>
    /// <param name="earlier">What earlier runs printed, line by line: the tests that they began are left out.</param>
    /// <returns>0 where at least one test passed and none failed, 1 otherwise.</returns>
    public static int Run(string text = "", params string[] earlier)
    {
        using var tests = new GpuTests();
        using var framework = new XunitTestFramework(tests);
        var assembly = typeof(TrainingDevices).Assembly;

        using var discoverer = framework.GetDiscoverer(Reflector.Wrap(assembly));
        discoverer.Find(includeSourceInformation: false, tests, new Options());
        tests._done.Wait();
        tests._done.Reset();

        using var executor = framework.GetExecutor(assembly.GetName());
        var cases = tests._cases.Where(c => c.Traits.TryGetValue("Device", out var devices) && devices.Contains("Gpu")
            && c.DisplayName.Contains(text, StringComparison.OrdinalIgnoreCase) && !earlier.Any(line => Begins(line, c.DisplayName)));
        // Reported at once, so that a test that ends the process has been named.
        executor.RunTests([.. cases], tests, new Options { ["xunit.execution.DisableParallelization"] = true, ["xunit.execution.SynchronousMessageReporting"] = true });
        tests._done.Wait();

        Console.WriteLine($"{tests._passed} passed, {tests._failed} failed, {tests._skipped} skipped");
        return tests is { _passed: > 0, _failed: 0 } ? 0 : 1;
    }

    public void Dispose() => _done.Dispose();

    // The tests of a theory whose cases are not listed ahead have arguments after its name.
    private static bool Begins(string line, string name) => line.StartsWith(name + NameEnd, StringComparison.Ordinal) || line.StartsWith(name + "(", StringComparison.Ordinal);

    /// <returns>Whether to go on: always.</returns>
    public bool OnMessage(IMessageSinkMessage message)
    {
        switch (message)
        {
            case ITestCaseDiscoveryMessage found:
                _cases.Add(found.TestCase);
                break;
            case ITestStarting starting:
                Console.Write(starting.Test.DisplayName + NameEnd);
                break;
            case ITestPassed passed:
                _passed++;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"passed ({passed.ExecutionTime:F2} s)"));
                break;
            case ITestSkipped skipped:
                _skipped++;
                Console.WriteLine($"SKIPPED: {skipped.Reason}");
                break;
            // A test, or what comes before and after the tests of a class.
            case IFailureInformation failure:
                _failed++;
                var outcome = message is ITestMessage ? "FAILED" : message.GetType().Name + NameEnd + "FAILED";
                Console.WriteLine($"{outcome}\n{ExceptionUtility.CombineMessages(failure)}\n{ExceptionUtility.CombineStackTraces(failure)}");
                break;
            case IDiscoveryCompleteMessage or ITestAssemblyFinished:
                _done.Set();
                break;
        }
        return true;
    }

    private sealed class Options : Dictionary<string, object>, ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
    {
        // What is not set is at xunit's default.
        public TValue GetValue<TValue>(string name) => TryGetValue(name, out var value) ? (TValue)value : default!;

        public void SetValue<TValue>(string name, TValue value) => this[name] = value!;
    }
}

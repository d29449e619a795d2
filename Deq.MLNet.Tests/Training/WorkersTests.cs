using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

public sealed class WorkersTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_item_is_run_once_before_the_caller_goes_on(int threads)
    {
        using var workers = new Workers(threads);
        var random = new Random(1);
        for (var run = 0; run < LongForm.Times(3_000); run++)
        {
            // Now and then so late that threads sleep.
            if (run % 500 == 0)
            {
                Thread.Sleep(5);
            }
            var counts = new int[random.Next(40)];
            workers.Run(counts.Length, i => counts[i]++);
            Array.TrueForAll(counts, c => c == 1).Should().BeTrue();
        }
    }

    [Fact]
    public void Items_run_on_as_many_threads_as_there_are()
    {
        using var workers = new Workers(3);
        using var together = new Barrier(3);

        // An item that ends only when all three have begun.
        workers.Run(3, _ => together.SignalAndWait(TimeSpan.FromSeconds(30)).Should().BeTrue());

        workers.Count.Should().Be(3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_exception_reaches_the_caller_as_it_is_and_workers_go_on(int threads)
    {
        using var workers = new Workers(threads);
        for (var run = 0; run < 50; run++)
        {
            workers.Invoking(w => w.Run(20, i =>
            {
                if (i % 7 == 6)
                {
                    throw new InvalidDataException($"item {i}");
                }
            })).Should().Throw<InvalidDataException>().WithMessage("item 6");
            var sum = 0;
            workers.Run(20, i => Interlocked.Add(ref sum, i));
            sum.Should().Be(190);
        }
    }

    [Fact]
    public void Disposed_workers_leave_no_thread_behind()
    {
        List<Thread> seen = [];
        using (var workers = new Workers(4))
        {
            using var together = new Barrier(4);
            workers.Run(4, _ =>
            {
                together.SignalAndWait();
                lock (seen)
                {
                    seen.Add(Thread.CurrentThread);
                }
            });
        }

        seen.Remove(Thread.CurrentThread).Should().BeTrue();
        seen.Should().HaveCount(3).And.OnlyContain(t => !t.IsAlive);
    }
}

namespace Deq.MLNet.Tests.Trainers;

/// <summary>A folder with the file of a training that was stopped, for one test.</summary>
public abstract class StoppedTraining : IDisposable
{
    /// <summary>For what is the same for every trainer.</summary>
    private protected static TrainerCase Any { get; } = TrainerCase.Fnn;

    private protected string Folder { get; } = Directory.CreateTempSubdirectory("checkpoint").FullName;

    private protected string Path => System.IO.Path.Combine(Folder, "training.state");

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Trains until an epoch is told, and there breaks off.</summary>
    private protected void Stop(TrainerCase trainer, Action<NetworkTrainerOptions> set, int epoch, IEnumerable<TrainerRow>? rows = null) => FluentActions.Invoking(() => trainer.Fit(o =>
    {
        set(o);
        o.Checkpoint = new Checkpoint(Path);
        o.OnEpoch = e =>
        {
            if (e.Epoch == epoch)
            {
                throw new InvalidDataException("enough");
            }
        };
    }, rows)).Should().Throw<InvalidDataException>();
}

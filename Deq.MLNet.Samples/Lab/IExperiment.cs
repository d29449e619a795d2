namespace Deq.MLNet.Samples.Lab;

/// <summary>One experiment of the laboratory.</summary>
internal interface IExperiment
{
    /// <summary>What it is called on the command line, and what its files' names begin with.</summary>
    string Name { get; }

    string Title { get; }

    /// <summary>Whether targets, tasks or sizes stand in for the paper's, which were not at hand. Pictures and verdicts are labelled so.</summary>
    bool IsStandIn => true;

    /// <summary>Runs it and tells what came out.</summary>
    void Run(LabSettings settings, Report report);
}

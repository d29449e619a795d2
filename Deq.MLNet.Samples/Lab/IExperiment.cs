namespace Deq.MLNet.Samples.Lab;

/// <summary>One experiment of the laboratory.</summary>
internal interface IExperiment
{
    /// <summary>What it is called on the command line, and what its files' names begin with.</summary>
    string Name { get; }

    string Title { get; }

    /// <summary>What pictures, verdicts and claims are labelled: that targets, tasks or sizes stand in for the paper's, which were not at hand, or are our own; null for neither.</summary>
    string? Label => "stand-in";

    /// <summary>Runs it and tells what came out.</summary>
    void Run(LabSettings settings, Report report);
}

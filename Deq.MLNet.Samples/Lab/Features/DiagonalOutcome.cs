namespace Deq.MLNet.Samples.Lab;

/// <summary>Where the flow of a seed ended on the sparse target, and how many features it and other interpolators of the same rows have.</summary>
internal sealed record DiagonalOutcome(DeqNetwork? Network, double Loss, double Drift, double ArctanResidual, double LeastNormResidual, double Participation, double OfLeastNorm, double OfFnn, double LossOfFnn, double OfFnnFromOne, double LossOfFnnFromOne)
{
    private const float Rate = 1e-2f;

    public static DiagonalOutcome Run(int seed)
    {
        var rows = LinearTask.X(LinearTask.TrainingRows, seed);
        var flow = DiagonalFlow.Run(LinearTask.Sparse, rows, Rate);
        var y = LinearTask.Sparse.Y(rows);
        var (fnn, fromOne) = (LinearModels.DiagonalFnn(rows, y, 1e-4), LinearModels.DiagonalFnn(rows, y, 1, steps: 20_000));
        return new DiagonalOutcome(flow.Network, flow.Loss, flow.Drift, LinearModels.ArctanResidual(rows, flow.Beta), LinearModels.LeastNormResidual(rows, flow.Beta), LinearModels.Participation(flow.Beta),
            LinearModels.Participation(LinearModels.LeastNorm(rows, y)), LinearModels.Participation(fnn), Loss(fnn), LinearModels.Participation(fromOne), Loss(fromOne));

        double Loss(double[] beta) => rows.Zip(y, (row, value) => Math.Pow(LinearModels.Dot(beta, row) - value, 2)).Average();
    }
}

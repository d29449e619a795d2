namespace Deq.MLNet.Training.Initial;

/// <summary>The incoming weights and biases of all states of a cell: W (d x d), U (d x what it acts on) and b (d), row-major.</summary>
internal sealed record CellRows(float[] W, float[] U, float[] B)
{
    public CellRows(int states, int inputs) : this(new float[checked(states * states)], new float[checked(states * inputs)], new float[states]) { }

    /// <summary>d.</summary>
    public int States => B.Length;

    public Span<float> RowOfW(int state) => W.AsSpan(state * States, States);

    public Span<float> RowOfU(int state) => U.AsSpan(state * (U.Length / States), U.Length / States);
}

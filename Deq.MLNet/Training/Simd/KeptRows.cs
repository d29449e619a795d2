using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>The state where each training row's last solve ended: N x d values, kept by the row's index. Zero before the first.</summary>
internal sealed class KeptRows(int rows, int size)
{
    public float[] Values { get; } = new float[checked(rows * size)];

    /// <summary>Writes the states of a block into z; rows of padding have that of the last row.</summary>
    public void Read(int[] indices, PaddedMatrix z, RowBlock rows)
    {
        for (var row = 0; row < rows.Padded; row++)
        {
            var index = indices[rows.First + Math.Min(row, rows.Count - 1)];
            Values.AsSpan(index * size, size).CopyTo(z[rows.First + row]);
        }
    }

    /// <summary>Keeps the states of a block; zero instead of one that is not finite, from which no solve would come back.</summary>
    public void Keep(int[] indices, PaddedMatrix z, RowBlock rows)
    {
        for (var row = rows.First; row < rows.First + rows.Count; row++)
        {
            var kept = Values.AsSpan(indices[row] * size, size);
            z[row].CopyTo(kept);
            if (!Kernels.AllFinite<float>(kept))
            {
                kept.Clear();
            }
        }
    }
}

namespace Deq.MLNet.Numerics;

/// <summary>The small positive definite systems of Anderson's method, solved in place in float64.</summary>
internal static class Cholesky
{
    /// <summary>Overwrites b with the solution of (A + ridge trace(A) I) x = b; false where the system is not positive definite.</summary>
    /// <param name="a">Size x size, row-major, symmetric; its lower triangle is overwritten.</param>
    /// <param name="b">The right-hand side; its length is the size.</param>
    /// <param name="ridge">Relative to the trace, so that the solution does not depend on the scale of the data.</param>
    public static bool Solve(Span<double> a, Span<double> b, double ridge)
    {
        var n = b.Length;
        double trace = 0;
        for (var i = 0; i < n; i++)
        {
            trace += a[i * n + i];
        }
        // Column by column: the divisions by one pivot wait for one another only once. Reciprocals of the pivots stand on the diagonal.
        for (var j = 0; j < n; j++)
        {
            var column = a.Slice(j * n, j);
            var pivot = a[j * n + j] + ridge * trace;
            foreach (var value in column)
            {
                pivot -= value * value;
            }
            if (!(pivot > 0))
            {
                return false;
            }
            var reciprocal = a[j * n + j] = 1 / Math.Sqrt(pivot);
            for (var i = j + 1; i < n; i++)
            {
                var row = a.Slice(i * n, n);
                var sum = row[j];
                for (var k = 0; k < column.Length; k++)
                {
                    sum -= row[k] * column[k];
                }
                row[j] = sum * reciprocal;
            }
            var right = b[j];
            for (var k = 0; k < column.Length; k++)
            {
                right -= column[k] * b[k];
            }
            b[j] = right * reciprocal;
        }
        for (var i = n - 1; i >= 0; i--)
        {
            var value = b[i];
            for (var k = i + 1; k < n; k++)
            {
                value -= a[k * n + i] * b[k];
            }
            b[i] = value * a[i * n + i];
        }
        return true;
    }
}

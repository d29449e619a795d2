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
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = a[i * n + j] + (i == j ? ridge * trace : 0);
                for (var k = 0; k < j; k++)
                {
                    sum -= a[i * n + k] * a[j * n + k];
                }
                if (i != j)
                {
                    a[i * n + j] = sum / a[j * n + j];
                }
                else if (sum > 0)
                {
                    a[i * n + i] = Math.Sqrt(sum);
                }
                else
                {
                    return false;
                }
            }
        }
        for (var i = 0; i < n; i++)
        {
            for (var k = 0; k < i; k++)
            {
                b[i] -= a[i * n + k] * b[k];
            }
            b[i] /= a[i * n + i];
        }
        for (var i = n - 1; i >= 0; i--)
        {
            for (var k = i + 1; k < n; k++)
            {
                b[i] -= a[k * n + i] * b[k];
            }
            b[i] /= a[i * n + i];
        }
        return true;
    }
}

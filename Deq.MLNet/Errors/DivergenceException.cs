namespace Deq.MLNet;

/// <summary>Training ran away: the loss or a weight stopped being finite.</summary>
public sealed class DivergenceException : DeqException
{
    /// <inheritdoc cref="DeqException(string)"/>
    public DivergenceException(string message) : base(message) { }

    /// <inheritdoc cref="DeqException(string, Exception)"/>
    public DivergenceException(string message, Exception? innerException) : base(message, innerException) { }
}

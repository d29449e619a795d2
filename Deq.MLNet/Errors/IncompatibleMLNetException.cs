namespace Deq.MLNet;

/// <summary>The ML.NET that was loaded lacks an internal member which this library binds; the message names it.</summary>
public sealed class IncompatibleMLNetException : DeqException
{
    /// <inheritdoc cref="DeqException(string)"/>
    public IncompatibleMLNetException(string message) : base(message) { }

    /// <inheritdoc cref="DeqException(string, Exception)"/>
    public IncompatibleMLNetException(string message, Exception? innerException) : base(message, innerException) { }
}

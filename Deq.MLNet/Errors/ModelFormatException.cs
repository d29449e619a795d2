namespace Deq.MLNet;

/// <summary>Bytes that should hold a network are truncated, changed, foreign, or of a newer format. Nothing was loaded.</summary>
public sealed class ModelFormatException : DeqException
{
    /// <inheritdoc cref="DeqException(string)"/>
    public ModelFormatException(string message) : base(message) { }

    /// <inheritdoc cref="DeqException(string, Exception)"/>
    public ModelFormatException(string message, Exception? innerException) : base(message, innerException) { }
}

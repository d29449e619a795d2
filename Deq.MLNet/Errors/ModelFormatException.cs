namespace Deq.MLNet;

/// <summary>Bytes that should hold a network are truncated, changed, foreign, or of a newer format. Nothing was loaded.</summary>
/// <remarks>ML.NET's Model.Load makes models by reflection: from there this arrives inside a TargetInvocationException, and <see cref="Exception.GetBaseException"/> returns it.</remarks>
public sealed class ModelFormatException : DeqException
{
    /// <inheritdoc cref="DeqException(string)"/>
    public ModelFormatException(string message) : base(message) { }

    /// <inheritdoc cref="DeqException(string, Exception)"/>
    public ModelFormatException(string message, Exception? innerException) : base(message, innerException) { }
}

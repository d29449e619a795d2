namespace Deq.MLNet;

/// <summary>TorchSharp cannot be used in this process, or libtorch failed in a training; the message says which of the known causes it is and the remedy.</summary>
public sealed class TorchBackendException : DeqException
{
    /// <inheritdoc cref="DeqException(string)"/>
    public TorchBackendException(string message) : base(message) { }

    /// <inheritdoc cref="DeqException(string, Exception)"/>
    public TorchBackendException(string message, Exception? innerException) : base(message, innerException) { }
}

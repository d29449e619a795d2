namespace Deq.MLNet;

/// <summary>A model cannot be written as ONNX with the options given. Nothing was written.</summary>
public sealed class OnnxExportException : DeqException
{
    /// <inheritdoc cref="DeqException(string)"/>
    public OnnxExportException(string message) : base(message) { }

    /// <inheritdoc cref="DeqException(string, Exception)"/>
    public OnnxExportException(string message, Exception? innerException) : base(message, innerException) { }
}

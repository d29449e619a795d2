namespace Deq.MLNet;

/// <summary>The device that trains has not the memory that a training needs. The message says for what, and with how many rows and states, and the options to change.</summary>
public sealed class DeviceMemoryException : DeqException
{
    /// <inheritdoc cref="DeqException(string)"/>
    public DeviceMemoryException(string message) : base(message) { }

    /// <inheritdoc cref="DeqException(string, Exception)"/>
    public DeviceMemoryException(string message, Exception? innerException) : base(message, innerException) { }
}

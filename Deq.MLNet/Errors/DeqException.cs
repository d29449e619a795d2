namespace Deq.MLNet;

/// <summary>The base of the exceptions that are this library's own. The message says what happened, with the values, and what to do next.</summary>
public class DeqException : Exception
{
    /// <summary>Makes an exception that says what happened and what to do next.</summary>
    public DeqException(string message) : base(message) { }

    /// <summary>Makes an exception that says what happened and what to do next, with its cause.</summary>
    public DeqException(string message, Exception? innerException) : base(message, innerException) { }
}

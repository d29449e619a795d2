using System.Runtime.CompilerServices;

// Tests bind ML.NET's internals as the library does.
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Data")]

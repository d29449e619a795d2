namespace Deq.MLNet.Onnx;

/// <summary>How a network is written, as <see cref="OnnxExportOptions"/> documents it.</summary>
internal sealed record ExportSettings(int Opset, OnnxForm Form, double MaxError, int? Steps, bool Float16Weights);

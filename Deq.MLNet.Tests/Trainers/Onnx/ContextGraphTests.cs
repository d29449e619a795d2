using Deq.MLNet.Trainers.Onnx;

namespace Deq.MLNet.Tests.Trainers.Onnx;

public class ContextGraphTests
{
    [Fact]
    public void What_ML_NETs_own_converter_cannot_write_is_named()
    {
        var graph = new ContextGraph(new MLNetLikeContext(new GraphContext("graph", new OnnxExportOptions().Settings)));
        FluentActions.Invoking(() => graph.AddLoop("deq/loop", 3, [], _ => ("", []))).Should().Throw<OnnxExportException>().WithMessage("OnnxForm.Loop*SaveOnnx*");
        FluentActions.Invoking(() => graph.AddInitializer("deq/W", [Half.One], 1)).Should().Throw<OnnxExportException>().WithMessage("float16*SaveOnnx*");
    }
}

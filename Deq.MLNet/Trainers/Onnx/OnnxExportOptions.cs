using Deq.MLNet.Errors;
using Deq.MLNet.Onnx;
using Microsoft.ML;

namespace Deq.MLNet;

/// <summary>How a model is written as ONNX.</summary>
public sealed record OnnxExportOptions
{
    internal const int MinOpset = 13, MaxOpset = 21, MostSteps = 10_000;

    /// <summary>The version of ONNX's operators, 13 to 21; default 13, which every current runtime reads.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of its range.</exception>
    public int Opset { get; init => field = Check.Within(value, MinOpset, MaxOpset + 1, nameof(Opset)); } = MinOpset;

    /// <summary>The form of the equilibrium; default <see cref="OnnxForm.Auto"/>. Of no meaning for a feed-forward network.</summary>
    /// <exception cref="ArgumentException">The value is none of the enumeration's.</exception>
    public OnnxForm Form { get; init => field = Check.Defined(value); } = OnnxForm.Auto;

    /// <summary>
    /// The error that the unrolled equilibrium may have, as a share of the largest |y| over the training rows; positive, default 1e-5.
    /// Not tested where <see cref="Steps"/> is given, and of no meaning for a feed-forward network.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public double MaxError { get; init => field = Check.Positive(value, nameof(MaxError)); } = 1e-5;

    /// <summary>
    /// Steps of the form, 1 to 10,000; of <see cref="OnnxForm.Loop"/> the most. Not for <see cref="OnnxForm.ForwardSubstitution"/>, which takes as many as there are states. With it <see cref="OnnxForm.Auto"/> stands for
    /// <see cref="OnnxForm.Unrolled"/>, under <see cref="WellPosedness.Monotone"/> for <see cref="OnnxForm.PeacemanRachford"/>. Default null: as many as bring the error of the measured rows to a quarter of <see cref="MaxError"/>, where rounding allows,
    /// and a quarter more (half as many again where fewer than 1,000 rows were measured), since rows not seen may come nearer at a slower rate; at most 300, and no more than are proved to be enough (<see cref="OnnxExportReport.BoundSteps"/>). For Loop the most iterations of the network's scoring.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of its range.</exception>
    public int? Steps { get; init => field = value is { } steps ? Check.Within(steps, 1, MostSteps + 1, nameof(Steps)) : null; }

    /// <summary>Rows, with the columns that the pipeline reads, on which the error is measured anew, up to 2,048 of them, evenly spread; default null: what was measured in training counts.</summary>
    public IDataView? CalibrationData { get; init; }

    /// <summary>
    /// Whether weights are stored as float16, at half the size, and widened to float32 when the graph is loaded; default false. It changes the model: <see cref="CalibrationData"/> must be given,
    /// on which the error that this makes is measured and reported.
    /// </summary>
    public bool Float16Weights { get; init; }

    internal ExportSettings Settings => new(Opset, Form, MaxError, Steps, Float16Weights);
}

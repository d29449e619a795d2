using System.CommandLine;
using Deq.MLNet;
using Deq.MLNet.Samples.Commands;
using Deq.MLNet.Samples.Lab;

var folder = Folder("The folder for models and pictures.", "out");
var repeats = new Option<int>("--repeats") { Description = "How often the cross-validation is repeated, each time with other folds.", DefaultValueFactory = _ => 5 };
repeats.Validators.Add(option =>
{
    // What is no number is told by the parser.
    if (option.Tokens.Any(token => int.TryParse(token.Value, out var value) && value < 1))
        option.AddError("--repeats must be at least 1.");
});

var quickstart = Sample("quickstart", "Compares four trainers, then trains, saves, reloads, exports and draws a deep equilibrium network.", parsed => Quickstart.Run(parsed.GetRequiredValue(folder)), folder);
var regression = Sample("regression", "Predicts a number (diabetes), with a validation set and early stopping.", parsed => Regression.Run(parsed.GetRequiredValue(folder), parsed.GetValue(repeats)), folder, repeats);
var binary = Sample("binary", "Predicts yes or no (breast cancer), with a probability.", parsed => Binary.Run(parsed.GetRequiredValue(folder), parsed.GetValue(repeats)), folder, repeats);
var multiclass = Sample("multiclass", "Predicts one of several classes (wine, handwritten digits).", parsed => Multiclass.Run(parsed.GetRequiredValue(folder), parsed.GetValue(repeats)), folder, repeats);
var onnx = Sample("onnx", "Exports a whole pipeline (texts, missing values, names of classes) as one ONNX file, and scores it without ML.NET.", parsed => OnnxPipeline.Run(parsed.GetRequiredValue(folder)), folder);
var experiment = new Argument<string>("name") { Description = "The experiment, or all of them." };
experiment.AcceptOnlyFromAmong([.. Laboratory.Names]);
var quick = new Option<bool>("--quick") { Description = "A smaller run: fewer seeds, sizes and epochs." };
var seeds = new Option<int>("--seeds") { Description = "How many seeds, where an experiment takes several; 0: as many as it takes by itself." };
seeds.Validators.Add(option =>
{
    // More would reach seeds that choose or judge.
    if (option.Tokens.Any(token => int.TryParse(token.Value, out var value) && value is < 0 or > 300))
        option.AddError("--seeds must be from 0 to 300.");
});
var labFolder = Folder("The folder for pages, tables and pictures; the index page stands beside it, under its name.", Path.Combine("out", "lab"));
var lab = Sample("lab", "Experiments on what deep equilibrium networks express and learn.", parsed => Laboratory.Run(parsed.GetRequiredValue(experiment), parsed.GetValue(quick), parsed.GetValue(seeds), parsed.GetRequiredValue(labFolder)), experiment, quick, seeds, labFolder);
var doctor = Sample("doctor", "Prints what this machine offers for training and scoring.", _ => Doctor.Run());

// The quickstart starts it as a process of its own.
var model = new Argument<string>("model");
var scores = new Argument<string>("scores");
var scoreSaved = Sample("score-saved", "Scores the test rows by a saved model.", parsed => ScoreSaved.Run(parsed.GetRequiredValue(model), parsed.GetRequiredValue(scores)), model, scores);
scoreSaved.Hidden = true;

var parsed = new RootCommand("Samples of Deq.MLNet: deep equilibrium models as ML.NET trainers.") { quickstart, regression, binary, multiclass, onnx, lab, doctor, scoreSaved }.Parse(args);
var exitCode = parsed.Invoke();
return parsed.Errors.Count == 0 ? exitCode : 2;

static Option<string> Folder(string description, string otherwise)
{
    var option = new Option<string>("--out") { Description = description, DefaultValueFactory = _ => otherwise };
    option.Validators.Add(given =>
    {
        // A forgotten folder, after which the next option would be taken for one.
        if (given.Tokens.Any(token => token.Value.StartsWith("--", StringComparison.Ordinal)))
            given.AddError("--out needs a folder.");
    });
    return option;
}

// A command that says in one line what is amiss where that is not the program's fault: a folder, a file, a missing backend.
static Command Sample(string name, string description, Func<ParseResult, int> run, params Symbol[] symbols)
{
    var command = new Command(name, description);
    foreach (var symbol in symbols)
    {
        if (symbol is Option option)
            command.Options.Add(option);
        else
            command.Arguments.Add((Argument)symbol);
    }
    command.SetAction(parsed =>
    {
        try
        {
            return run(parsed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DeqException)
        {
            Console.Error.WriteLine($"Error: {e.Message}");
            return 1;
        }
    });
    return command;
}

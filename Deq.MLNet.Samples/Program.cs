using System.CommandLine;
using Deq.MLNet.Samples.Commands;

var folder = new Option<string>("--out") { Description = "The folder for the model, the ONNX file and the pictures.", DefaultValueFactory = _ => "out" };
var quickstart = new Command("quickstart", "Compares four trainers, then trains, saves, reloads, exports and draws a deep equilibrium network.") { folder };
quickstart.SetAction(parsed => Quickstart.Run(parsed.GetRequiredValue(folder)));

var regression = new Command("regression", "Trains with a validation set and early stopping: the sample to copy from.");
regression.SetAction(_ => Regression.Run());

var doctor = new Command("doctor", "Prints what this machine offers for training and scoring.");
doctor.SetAction(_ => Doctor.Run());

// The quickstart starts it as a process of its own.
var model = new Argument<string>("model");
var scores = new Argument<string>("scores");
var scoreSaved = new Command("score-saved", "Scores the test rows by a saved model.") { model, scores };
scoreSaved.Hidden = true;
scoreSaved.SetAction(parsed => ScoreSaved.Run(parsed.GetRequiredValue(model), parsed.GetRequiredValue(scores)));

var parsed = new RootCommand("Samples of Deq.MLNet: deep equilibrium models as ML.NET trainers.") { quickstart, regression, doctor, scoreSaved }.Parse(args);
var exitCode = parsed.Invoke();
return parsed.Errors.Count == 0 ? exitCode : 2;

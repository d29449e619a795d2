using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Deq.MLNet.Networks;
using Microsoft.ML;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>The file of a training as bytes: what gets one that is damaged, impossible or of another version.</summary>
public sealed class CheckpointFileTests : StoppedTraining
{
    /// <summary>Bytes of a file before its head; the last four are its length.</summary>
    private const int HeaderSize = 16;

    [Fact]
    public void A_file_that_was_cut_off_changed_or_is_none_at_all_is_refused_and_stays()
    {
        Stop(Any, _ => { }, 2);
        var whole = File.ReadAllBytes(Path);
        var changes = new List<byte[]> { Array.Empty<byte>(), "a text"u8.ToArray() };
        changes.AddRange(new[] { 1, 7, 8, 15, 16, 40, whole.Length / 2, whole.Length - 33, whole.Length - 1 }.Select(length => whole[..length]));
        changes.AddRange(new[] { 0, 9, 13, 60, whole.Length / 2, whole.Length - 40, whole.Length - 1 }.Select(at => whole.Select((b, i) => i == at ? (byte)(b ^ 1) : b).ToArray()));
        changes.Add([.. whole, 0]);
        foreach (var bytes in changes)
        {
            File.WriteAllBytes(Path, bytes);
            FluentActions.Invoking(() => Any.Fit(o => o.Checkpoint = new Checkpoint(Path))).Should().Throw<ModelFormatException>()
                .WithMessage($"{Path} is no whole checkpoint of a training: it*Delete it*");
            File.ReadAllBytes(Path).Should().Equal(bytes);
        }
    }

    [Fact]
    public void A_file_of_another_version_says_so()
    {
        Stop(Any, _ => { }, 2);
        var content = Content();
        Refused<ModelFormatException>([.. content[..8], 2, .. content[9..]], "*it is of version 2, and this Deq.MLNet reads version 1*Delete it*");
        Refused<ModelFormatException>(WithHead(content, "OptimizerSteps", "Steps"), "*another version of Deq.MLNet wrote it*Delete it*");
    }

    [Fact]
    public void A_file_of_a_library_of_another_version_or_with_other_settings_does_not_go_on()
    {
        Stop(Any, _ => { }, 2);
        var content = Content();
        void Other(string part, string instead, string difference) =>
            Refused<DeqException>(WithHead(content, part, instead), $"The checkpoint {Path} is of another training, which differs in {difference}. Delete the file*");

        Other("\"GradientClip\":\"null\",", "", "GradientClip (null now, absent in the file)");
        Other("\"GradientClip\"", "\"Clip\":\"3\",\"GradientClip\"", "Clip (absent now, 3 in the file)");
        Other("\"LibraryVersion\":\"[^,]*\"", "\"LibraryVersion\":\"0.9.0\"", $"LibraryVersion ({Library.Version} now, 0.9.0 in the file)");
    }

    [Theory]
    [InlineData("\"Epochs\":.{", "\"Epochs\":[null,{", "entry 1 of its epochs is null")]
    [InlineData("\"Epoch\":2", "\"Epoch\":7", "entry 2 of its epochs is *")]
    [InlineData("\"BestEpoch\":.", "\"BestEpoch\":3", "the best of 2 epochs is said to be 3")]
    [InlineData("\"BestEpoch\":.", "\"BestEpoch\":0", "the best of 2 epochs is said to be 0")]
    [InlineData("\"BestEpoch\":.", "\"BestEpoch\":null", "its * bytes of numbers are not 3 arrays of one length")]
    [InlineData("\"ValidationLoss\":[^,]*", "\"ValidationLoss\":null", "its best epoch, ?, has no validation loss")]
    [InlineData("\"OptimizerSteps\":", "\"OptimizerSteps\":-", "its optimizer has -* steps and 2 moments")]
    [InlineData("\"Moments\":2", "\"Moments\":-1", "its optimizer has * steps and -1 moments")]
    [InlineData("\"Moments\":2", "\"Moments\":2147483647", "its * bytes of numbers are not 2147483649 arrays of one length")]
    [InlineData("\"Moments\":2", "\"Moments\":0", "it has 98 weights with 0 moments each, where this training has 49 with 2")]
    [InlineData("\"Seed\":\"[^,]*,", "", "it has no seed")]
    [InlineData("\"Seed\":\"[^,]*\"", "\"Seed\":\"one\"", "it has no seed")]
    [InlineData("\"Epochs\":.\\{.*\\}.(.*)\"BestEpoch\":.", "\"Epochs\":[]$1\"BestEpoch\":0", "it has no epochs")]
    [InlineData("\"Epochs\":.\\{.*\\}.(.*)\"BestEpoch\":.", "\"Epochs\":[]$1\"BestEpoch\":null", "it has no epochs")]
    [InlineData("\"OptimizerNumbers\":..", "\"OptimizerNumbers\":[1]", "it has the numbers [1] of an optimizer, where this training has 0, none of them negative")]
    [InlineData("^.*$", "null", "another version of Deq.MLNet wrote it *")]
    public void A_head_that_is_impossible_under_a_checksum_that_fits_is_refused_as_damage(string part, string instead, string why)
    {
        // Without a seed, which the file then gives.
        void Fit()
        {
            var context = new MLContext();
            Any.Trainer(context, o => (o.Checkpoint, o.Epochs, o.ValidationFraction, o.EarlyStopping) = (new Checkpoint(Path), 2, 0.3f, new EarlyStopping())).Fit(Any.View(context));
        }
        Fit();
        Write(WithHead(Content(), part, instead));

        FluentActions.Invoking(Fit).Should().Throw<ModelFormatException>().WithMessage($"{Path} is no whole checkpoint of a training: {why}. Delete it*");
    }

    [Theory]
    [InlineData("-1", "it is said to keep -1 values of states in * bytes of numbers")]
    [InlineData("2147483647", "it is said to keep 2147483647 values of states in * bytes of numbers")]
    [InlineData("null", "it*")]
    [InlineData("1", "it*")]
    public void Impossible_states_of_rows_are_refused_as_damage(string length, string why)
    {
        void Fit()
        {
            var context = new MLContext(1);
            TrainerCase.Deq.Trainer(context, o => (o.Checkpoint, o.Epochs, ((DeqTrainerOptions)o).WarmStart) = (new Checkpoint(Path), 2, true)).Fit(TrainerCase.Deq.View(context));
        }
        Fit();
        Fit();
        Write(WithHead(Content(), "\"States\":[0-9]+", $"\"States\":{length}"));

        FluentActions.Invoking(Fit).Should().Throw<ModelFormatException>().WithMessage($"{Path} is no whole checkpoint of a training: {why}. Delete it*");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[1,1]")]
    [InlineData("[-1]")]
    [InlineData("[\"NaN\"]")]
    [InlineData("[\"Infinity\"]")]
    public void Impossible_numbers_of_an_optimizer_are_refused_as_damage(string numbers)
    {
        void Fit() => TrainerCase.Deq.Fit(o => (o.Checkpoint, o.Epochs, o.Optimizer) = (new Checkpoint(Path), 2, new LevenbergMarquardt()));
        Fit();
        Write(WithHead(Content(), "\"OptimizerNumbers\":[^,}]*", $"\"OptimizerNumbers\":{numbers}"));

        FluentActions.Invoking(Fit).Should().Throw<ModelFormatException>().WithMessage($"{Path} is no whole checkpoint of a training: it has the numbers * of an optimizer, where this training has 1, none of them negative. Delete it*");
    }

    [Fact]
    public void Lengths_that_are_impossible_under_a_checksum_that_fits_are_refused_as_damage()
    {
        Stop(Any, _ => { }, 2);
        var content = Content();
        var rest = content.Length - HeaderSize;
        var numbers = rest - BitConverter.ToInt32(content, HeaderSize - sizeof(int));
        foreach (var length in new[] { -1, int.MinValue, int.MaxValue, rest + 1 })
        {
            Refused<ModelFormatException>([.. content[..(HeaderSize - sizeof(int))], .. BitConverter.GetBytes(length), .. content[HeaderSize..]], $"*its head is said to have {length} of {rest} bytes. Delete it*");
        }
        Refused<ModelFormatException>(content[..^4], $"*its {numbers - 4} bytes of numbers are not 3 arrays of one length. Delete it*");
        Refused<ModelFormatException>([.. content, 0], $"*its {numbers + 1} bytes of numbers are not 3 arrays of one length. Delete it*");
        Refused<ModelFormatException>(content[..^numbers], "*its 0 bytes of numbers are not 3 arrays of one length. Delete it*");
        Refused<ModelFormatException>(content[..^12], "*it has 48 weights with 2 moments each, where this training has 49 with 2. Delete it*");
        Refused<ModelFormatException>(WithHead([.. content, .. new byte[numbers / 3]], "\"Moments\":2", "\"Moments\":3"), "*it has 49 weights with 3 moments each, where this training has 49 with 2. Delete it*");
    }

    /// <summary>The file without its checksum.</summary>
    private byte[] Content() => File.ReadAllBytes(Path)[..^SHA256.HashSizeInBytes];

    /// <summary>Replaces the file by a content with its checksum.</summary>
    private void Write(byte[] content) => File.WriteAllBytes(Path, [.. content, .. SHA256.HashData(content)]);

    /// <summary>The content with a part of its head, given as a pattern, exchanged.</summary>
    private static byte[] WithHead(byte[] content, string part, string instead)
    {
        var end = HeaderSize + BitConverter.ToInt32(content, HeaderSize - sizeof(int));
        var text = Encoding.UTF8.GetString(content[HeaderSize..end]);
        text.Should().MatchRegex(part);
        var head = Encoding.UTF8.GetBytes(Regex.Replace(text, part, instead));
        return [.. content[..(HeaderSize - sizeof(int))], .. BitConverter.GetBytes(head.Length), .. head, .. content[end..]];
    }

    private void Refused<T>(byte[] content, string message) where T : Exception
    {
        Write(content);
        FluentActions.Invoking(() => Any.Fit(o => o.Checkpoint = new Checkpoint(Path))).Should().ThrowExactly<T>().WithMessage(message);
    }
}

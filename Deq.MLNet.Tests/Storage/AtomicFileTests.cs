using Deq.MLNet.Storage;

namespace Deq.MLNet.Tests.Storage;

public sealed class AtomicFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("deq").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Target => Path.Combine(_folder, "model.zip");

    [Fact]
    public void Writes_a_new_file_and_replaces_an_old_one()
    {
        AtomicFile.Write(Target, s => s.Write("first, and longer"u8));
        AtomicFile.Write(Target, s => s.Write("second"u8));

        File.ReadAllText(Target).Should().Be("second");
        Files().Should().Equal("model.zip");
    }

    [Fact]
    public void A_writer_that_fails_leaves_the_old_file_whole()
    {
        File.WriteAllText(Target, "old");

        var act = () => AtomicFile.Write(Target, s =>
        {
            s.Write("half"u8);
            throw new InvalidOperationException("no more");
        });

        act.Should().Throw<InvalidOperationException>().WithMessage("no more");
        File.ReadAllText(Target).Should().Be("old");
        Files().Should().Equal("model.zip");
    }

    [Fact]
    public void A_writer_that_fails_leaves_no_file_where_there_was_none()
    {
        var act = () => AtomicFile.Write(Target, _ => throw new IOException("disk full"));

        act.Should().Throw<IOException>().WithMessage("*model.zip*disk full*");
        Files().Should().BeEmpty();
    }

    [Fact]
    public void The_old_file_is_there_while_the_new_one_is_written()
    {
        File.WriteAllText(Target, "old");
        AtomicFile.Write(Target, s =>
        {
            s.Write("new"u8);
            s.Flush();
            File.ReadAllText(Target).Should().Be("old");
        });
        File.ReadAllText(Target).Should().Be("new");
    }

    [Fact]
    public void A_missing_folder_is_named_and_nothing_is_run()
    {
        var path = Path.Combine(_folder, "absent", "model.zip");
        var act = () => AtomicFile.Write(path, _ => throw new InvalidOperationException());
        act.Should().Throw<DirectoryNotFoundException>().WithMessage($"{path} cannot be written*");
    }

    [Fact]
    public void A_file_in_place_of_the_folder_is_an_error_that_names_the_path()
    {
        File.WriteAllText(Target, "a file");
        var path = Path.Combine(Target, "model.zip");
        var act = () => AtomicFile.Write(path, _ => { });
        act.Should().Throw<IOException>().WithMessage($"{path} cannot be written*");
        File.ReadAllText(Target).Should().Be("a file");
    }

    [Fact]
    public void A_folder_in_place_of_the_file_is_an_error_that_names_the_path()
    {
        Directory.CreateDirectory(Target);
        var error = Record.Exception(() => AtomicFile.Write(Target, s => s.WriteByte(1)));
        error.Should().Match(e => e is IOException || e is UnauthorizedAccessException);
        error!.Message.Should().StartWith($"{Target} cannot be written");
        Files().Should().BeEmpty();
    }

    [Fact]
    public void A_symbolic_link_stays_a_link_and_its_target_is_replaced()
    {
        var real = Path.Combine(_folder, "real.zip");
        File.WriteAllText(real, "old");
        File.CreateSymbolicLink(Target, real);

        AtomicFile.Write(Target, s => s.Write("new"u8));

        File.ReadAllText(real).Should().Be("new");
        new FileInfo(Target).LinkTarget.Should().Be(real);
    }

    [Fact]
    public void Checking_that_a_file_can_be_written_leaves_nothing_behind_and_finds_what_would_fail()
    {
        AtomicFile.CheckWritable(Target);
        Files().Should().BeEmpty();
        File.WriteAllText(Target, "old");
        AtomicFile.CheckWritable(Target);
        (File.ReadAllText(Target), Files().Count()).Should().Be(("old", 1));

        FluentActions.Invoking(() => AtomicFile.CheckWritable(_folder)).Should().Throw<IOException>().WithMessage($"{_folder} cannot be written: it is a folder.");
        FluentActions.Invoking(() => AtomicFile.CheckWritable(Path.Combine(_folder, "absent", "model.zip"))).Should().Throw<DirectoryNotFoundException>();
        // Its own name is short enough, that of the file beside it is not.
        var name = Path.Combine(_folder, new string('n', 240));
        FluentActions.Invoking(() => AtomicFile.CheckWritable(name)).Should().Throw<IOException>().WithMessage($"{name} cannot be written*");
    }

    private IEnumerable<string?> Files() => Directory.GetFiles(_folder).Select(Path.GetFileName);
}

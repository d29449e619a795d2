using CsCheck;
using Deq.MLNet.Eng;
using TorchSharp;

namespace Deq.MLNet.Tests.Eng;

public class WeakVersionNeedTests
{
    private const string Version = "GLIBCXX_3.4.32";

    private static byte[] Sample() => ElfBytes.Library(["GLIBCXX_3.4.3", Version, "GLIBCXX_3.4.30"], ["GLIBCXX_3.4", Version]);

    [Fact]
    public void The_named_need_becomes_weak_and_no_other_byte_changes()
    {
        var before = Sample();
        var after = Sample();
        SymbolVersions.MakeWeak(after, Version).Should().BeTrue();

        // Second of three names of 16 bytes each, after the 16 bytes of the need; flags stand 4 bytes in.
        var names = "\0libstdc++.so.6\0GLIBCXX_3.4.3\0GLIBCXX_3.4.32\0GLIBCXX_3.4.30\0GLIBCXX_3.4\0GLIBCXX_3.4.32\0".Length;
        var flags = 64 + names + 16 + 16 + 4;
        Enumerable.Range(0, before.Length).Where(i => before[i] != after[i]).Should().Equal(flags);
        after[flags].Should().Be(2);
    }

    [Fact]
    public void A_second_run_changes_nothing()
    {
        var image = Sample();
        SymbolVersions.MakeWeak(image, Version);
        var once = image.ToArray();
        SymbolVersions.MakeWeak(image, Version).Should().BeFalse();
        image.Should().Equal(once);
    }

    [Fact]
    public void A_version_that_is_not_needed_changes_nothing()
    {
        var image = Sample();
        SymbolVersions.MakeWeak(image, "GLIBCXX_3.4.99").Should().BeFalse();
        image.Should().Equal(Sample());
    }

    [Fact]
    public void Definitions_are_told_by_their_whole_name()
    {
        SymbolVersions.Defines(Sample(), Version).Should().BeTrue();
        SymbolVersions.Defines(Sample(), "GLIBCXX_3.4").Should().BeTrue();
        SymbolVersions.Defines(Sample(), "GLIBCXX_3.4.3").Should().BeFalse();
    }

    [Fact]
    public void Other_files_are_refused_with_what_they_are()
    {
        Refused("MZ"u8.ToArray()).WithMessage("*not an ELF file*");
        Refused([]).WithMessage("*not an ELF file*");
        Refused(Sample()[..63]).WithMessage("*cut*63*");
        Refused(With(4, 1)).WithMessage("*not 64-bit little-endian*");
        Refused(With(5, 2)).WithMessage("*not 64-bit little-endian*");

        static FluentAssertions.Specialized.ExceptionAssertions<InvalidDataException> Refused(byte[] image) =>
            FluentActions.Invoking(() => SymbolVersions.MakeWeak(image, Version)).Should().Throw<InvalidDataException>();
        static byte[] With(int at, byte value)
        {
            var image = Sample();
            image[at] = value;
            return image;
        }
    }

    [Fact]
    public void A_cut_file_is_refused() =>
        Gen.Int[0, Sample().Length - 1].Sample(length =>
        {
            var cut = Sample()[..length];
            var act = () => SymbolVersions.MakeWeak(cut, Version);
            act.Should().Throw<InvalidDataException>();
        });

    [Fact]
    public void A_damaged_file_is_refused_or_changed_in_weak_flags_only()
    {
        var length = Sample().Length;
        Gen.Select(Gen.Int[0, length - 1], Gen.Byte).Array[1, 8].Sample(damage =>
        {
            var before = Sample();
            foreach (var (at, value) in damage)
                before[at] = value;
            var after = before.ToArray();
            try
            {
                SymbolVersions.MakeWeak(after, Version);
                after.Zip(before).Should().OnlyContain(p => p.First == p.Second || p.First == (p.Second | 2));
            }
            catch (InvalidDataException)
            {
                after.Should().Equal(before);
            }
            try
            {
                SymbolVersions.Defines(before, Version);
            }
            catch (InvalidDataException refused)
            {
                refused.Message.Should().NotBeEmpty();
            }
        }, iter: LongForm.Times(5_000));
    }

    [Fact]
    public void A_chain_that_crosses_itself_ends()
    {
        // Every field of the needs is 1: each record starts one byte after the last and names overlap.
        var image = Sample();
        SymbolVersions.FindNeedFlags(image, Version).Should().ContainSingle();
        var needs = SymbolVersions.FindNeedFlags(image, Version)[0] - 36;
        image.AsSpan(needs, 64).Fill(1);
        FluentActions.Invoking(() => SymbolVersions.MakeWeak(image, Version)).Should().Throw<InvalidDataException>();
    }

    [Fact]
    public void The_loaders_cache_is_read_for_this_architecture()
    {
        const string Cache = """
            3 libs found in cache
            	libstdc++.so.6 (libc6) => /lib/i386-linux-gnu/libstdc++.so.6
            	libstdc++.so.6.1 (libc6,x86-64) => /opt/other/libstdc++.so.6.1
            	libstdc++.so.6 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libstdc++.so.6
            """;
        SystemLibrary.PathsInCache(Cache, "libstdc++.so.6").Should().Equal("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
    }

    [Fact]
    public void The_real_library_differs_in_one_bit()
    {
        var image = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "runtimes/linux-x64/native/libLibTorchSharp.so"));
        var flags = SymbolVersions.FindNeedFlags(image, Version).Should().ContainSingle().Subject;
        image[flags] = 0;
        var weak = image.ToArray();
        SymbolVersions.MakeWeak(weak, Version).Should().BeTrue();
        Enumerable.Range(0, image.Length).Where(i => image[i] != weak[i]).Should().Equal(flags);
    }

    [Fact]
    public void TorchSharp_loads_and_computes()
    {
        torch.set_num_threads(1);
        using var scope = torch.NewDisposeScope();
        var product = torch.tensor(new float[] { 1, 2, 3, 4 }, [2, 2]).matmul(torch.tensor(new float[] { 5, 6 }, [2, 1]));
        product.data<float>().ToArray().Should().Equal(17, 39);
    }
}

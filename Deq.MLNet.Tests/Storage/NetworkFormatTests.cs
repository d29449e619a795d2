using System.Buffers.Binary;
using System.Security.Cryptography;
using CsCheck;
using Deq.MLNet.Networks;
using Deq.MLNet.Storage;

namespace Deq.MLNet.Tests.Storage;

public class NetworkFormatTests
{
    private const int HeaderSize = 20, HashSize = 32;

    private static readonly DeqNetwork SmallDeq = new(
        new DeqWeights([0.5f, -0.25f, 0.125f, 0.5f], [1, -2, 3, 0.5f, 0.25f, -1], [0.5f, -1], [1, 2], [-3])
        {
            S = [0.75f, 4],
            Gain = [1.5f, 2],
            Shift = [-0.5f, 0.25f],
            Encoder = [new DenseLayer(new float[] { 1, 2, 3, 4, 5, 6 }, new float[] { 7, 8, 9 })],
        },
        Activation.Tanh, Link.Exp,
        new EquilibriumSettings(new Anderson(3, 0.5f, 1e-6), new Tolerance(1e-5, 1e-8), 77),
        WellPosedness.Spectral(0.75f), new Certificate(WellPosedness.Spectral(0.75f), 2, 0.625, 1 / (1 - 0.625)), [new UnrollCurve(OnnxForm.Unrolled, 12, 2.5f, [0.5f, 0.25f], [0.125f, 0.0625f]) { StateGain = 3.5f }]);

    private static readonly FnnNetwork SmallFnn = new(
        [new DenseLayer(new float[] { 1, -2, 0.5f, 4 }, new float[] { 0.25f, -0.5f }), new DenseLayer(new float[] { 2, -1 }, new float[] { 3 })], Activation.ReLU, Link.Logistic);

    public static TheoryData<bool> Both => [true, false];

    [Fact]
    public void A_round_trip_keeps_every_bit() => RandomNetworks.All.Sample(network =>
    {
        var bytes = Bytes(network);
        var read = NetworkFormat.Read(bytes);
        SameBits.Assert(read, network);
        SameBits.Assert(NetworkFormat.Read(new Slow(bytes)), network);
        Bytes(read).Should().Equal(bytes);
    }, iter: LongForm.Times(300));

    [Theory]
    [MemberData(nameof(Both))]
    public void Every_changed_byte_is_seen(bool deq)
    {
        var bytes = Bytes(deq ? SmallDeq : SmallFnn);
        for (var i = 0; i < bytes.Length; i++)
        {
            for (var change = 1; change < 256; change++)
            {
                var changed = (byte[])bytes.Clone();
                changed[i] ^= (byte)change;
                Refuses(changed);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Every_truncation_is_seen(bool deq)
    {
        var bytes = Bytes(deq ? SmallDeq : SmallFnn);
        for (var length = 0; length < bytes.Length; length++)
        {
            Refuses(bytes[..length]);
        }
    }

    [Fact]
    public void Bytes_behind_the_network_are_refused()
    {
        Refuses([.. Bytes(SmallDeq), 0]).Message.Should().Contain("Bytes follow");
        Refuses([.. Bytes(SmallDeq), .. Bytes(SmallDeq)]);
    }

    [Fact]
    public void Garbage_is_refused() => Gen.Byte.Array[0, 300].Sample(bytes =>
    {
        Refuses(bytes);
        Refuses(Sealed(bytes));
    });

    [Fact]
    public void Changed_content_under_a_fitting_checksum_is_a_network_or_refused() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 200], Gen.OneOf(Gen.Byte, Gen.Const((byte)0xFF), Gen.Const((byte)0x7F)).Array[1, 8]).Sample((deq, at, values) =>
        {
            var content = Content(deq ? SmallDeq : SmallFnn);
            at %= content.Length;
            values.AsSpan(0, Math.Min(values.Length, content.Length - at)).CopyTo(content.AsSpan(at));
            try
            {
                Bytes(NetworkFormat.Read(Sealed(content))).Should().Equal(Sealed(content));
            }
            catch (ModelFormatException)
            {
            }
        }, iter: LongForm.Times(3_000));

    [Fact]
    public void Every_truncated_content_under_a_fitting_checksum_is_refused()
    {
        foreach (var content in new[] { Content(SmallDeq), Content(SmallFnn) })
        {
            for (var length = 0; length < content.Length; length++)
            {
                Refuses(Sealed(content[..length]));
            }
            Refuses(Sealed([.. content, 0])).Message.Should().Contain("ends at byte");
        }
    }

    [Fact]
    public void A_claimed_size_allocates_nothing_that_is_not_there()
    {
        var content = Content(SmallDeq);
        foreach (var at in new[] { 3, 7, 11, 15, 19 })
        {
            var huge = (byte[])content.Clone();
            BinaryPrimitives.WriteInt32LittleEndian(huge.AsSpan(at), int.MaxValue);
            AllocatedBy(() => Refuses(Sealed(huge))).Should().BeLessThan(1_000_000);
        }
        var header = Bytes(SmallDeq);
        foreach (var length in new[] { 2_000_000_000L, long.MaxValue, -1, int.MaxValue })
        {
            BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), length);
            AllocatedBy(() => Refuses(header)).Should().BeLessThan(1_000_000);
        }
    }

    [Fact]
    public void A_large_network_takes_a_small_multiple_of_its_bytes_to_read()
    {
        var d = 600;
        var network = new DeqNetwork(new float[d * d], new float[d], new float[d], new float[d], new float[1], Activation.ReLU);
        var bytes = Bytes(network);
        AllocatedBy(() => NetworkFormat.Read(new Slow(bytes))).Should().BeLessThan(5L * bytes.Length);
    }

    [Theory]
    [InlineData("Monotone", Activation.ReLU)]
    [InlineData("Monotone", Activation.GELU)]
    [InlineData("Spectral", Activation.ReLU)]
    public void A_stored_solver_or_activation_that_does_not_fit_the_rule_is_refused_as_in_the_constructor(string name, Activation activation)
    {
        var rule = References.RuleReference.Named(name);
        FixedPointSolver solver = name == "Monotone" ? new Picard() : new PeacemanRachford();
        var network = new DeqNetwork(new Deq.MLNet.Networks.DeqWeights([0.25f], [1], [0], [1], [0]), activation, Link.Identity, new EquilibriumSettings(solver), rule,
            rule.Certify([0.25f], 1, Activation.ReLU));

        Refuses(Bytes(network)).Message.Should().ContainEquivalentOf($"under {(name == "Monotone" ? rule : "Monotone")}");
    }

    [Fact]
    public void A_newer_format_is_called_newer()
    {
        var bytes = Bytes(SmallDeq);
        bytes[8] = 3;
        Refuses(bytes).Message.Should().Contain("newer format 3").And.Contain("Update");
    }

    [Theory]
    [InlineData(double.NaN, null)]
    [InlineData(double.PositiveInfinity, null)]
    [InlineData(-1e-9, null)]
    [InlineData(0.5, double.NaN)]
    [InlineData(0.5, 0.99)]
    [InlineData(0.5, 1.9)]
    [InlineData(1.0, 5.0)]
    public void A_certificate_that_certifies_nothing_is_refused(double factor, double? error)
    {
        foreach (var rule in new[] { WellPosedness.None, WellPosedness.Spectral(), WellPosedness.Perron() })
        {
            Refuses(Bytes(Certified(rule, factor, error))).Message.Should().Contain("contraction factor");
        }
    }

    [Fact]
    public void Rules_that_bound_no_norm_of_W_prove_what_they_prove_at_any_norm()
    {
        foreach (var rule in new[] { WellPosedness.Monotone(0.5f), WellPosedness.StrictlyTriangular })
        {
            ((DeqNetwork)NetworkFormat.Read(Bytes(Certified(rule, 7.5, 12)))).Certificate.Should().Match<Certificate>(c => c.Rule == rule && c.ContractionFactor == 7.5 && c.ErrorPerResidual == 12 && c.RuleHolds);
        }
    }

    private static DeqNetwork Certified(WellPosedness rule, double factor, double? error) =>
        new(new DeqWeights([0.5f], [1], [0], [1], [0]), Activation.ReLU, Link.Identity, new EquilibriumSettings(), rule, new Certificate(rule, 1, factor, error));

    [Fact]
    public void A_weight_that_is_not_finite_is_refused_by_name()
    {
        var content = Content(SmallDeq);
        BinaryPrimitives.WriteSingleLittleEndian(content.AsSpan(25), float.NaN);
        Refuses(Sealed(content)).Message.Should().Contain("W holds a value that is not finite");
    }

    /// <summary>Bytes of formats as first written: they must load for ever. Format 1 had at most one curve, of plain iteration, and no gain.</summary>
    [Fact]
    public void Every_format_keeps_loading()
    {
        SameBits.Assert(NetworkFormat.Read(Convert.FromBase64String(Format1Deq)), SmallDeq.WithCurves(SmallDeq.UnrollCurves[0] with { StateGain = float.PositiveInfinity }));
        SameBits.Assert(NetworkFormat.Read(Convert.FromBase64String(Format1Fnn)), SmallFnn);
        SameBits.Assert(NetworkFormat.Read(Convert.FromBase64String(Format2Deq)), SmallDeq);
        Convert.ToBase64String(Bytes(SmallDeq)).Should().Be(Format2Deq);
        SameBits.Assert(NetworkFormat.Read(Bytes(SmallFnn)), SmallFnn);
    }

    [Fact]
    public void A_form_that_has_two_curves_or_is_none_is_refused()
    {
        var curve = SmallDeq.UnrollCurves[0];
        Refuses(Bytes(SmallDeq.WithCurves(curve, curve))).Message.Should().Contain("form of an unroll curve");
        Refuses(Bytes(SmallDeq.WithCurves(curve with { Form = OnnxForm.Auto }))).Message.Should().Contain("form of an unroll curve");
        Refuses(Bytes(SmallDeq.WithCurves(curve with { StateGain = float.NaN }))).Message.Should().Contain("state gain");
    }

    private const string Format2Deq = "REVRTUxORVQCAAAA8gAAAAAAAAAAAQECAAAAAgAAAAEAAAABAAAAAwAAAAEBAAAAPwAAgL4AAAA+AAAAPwAAgD8AAADAAABAQAAAAD8AAIA+AACAvwAAAD8AAIC/AACAPwAAAEAAAEDAAABAPwAAgEAAAMA/AAAAQAAAAL8AAIA+AACAPwAAAEAAAEBAAACAQAAAoEAAAMBAAADgQAAAAEEAABBBAQMAAAAAAAA/je21oPfGsD7xaOOItfjkPjqMMOKOeUU+TQAAAAABAABAPwAAAAAAAOQ/AVVVVVVVVQVAAQAAAAEMAAAAAAAgQAAAYEACAAAAAAAAPwAAgD4AAAA+AACAPSJJcsnwKjgA9tLZlOGlbpV5VC0bKse10lRXOsX47JA6";

    private const string Format1Deq = "REVRTUxORVQBAAAA6gAAAAAAAAAAAQECAAAAAgAAAAEAAAABAAAAAwAAAAEBAAAAPwAAgL4AAAA+AAAAPwAAgD8AAADAAABAQAAAAD8AAIA+AACAvwAAAD8AAIC/AACAPwAAAEAAAEDAAABAPwAAgEAAAMA/AAAAQAAAAL8AAIA+AACAPwAAAEAAAEBAAACAQAAAoEAAAMBAAADgQAAAAEEAABBBAQMAAAAAAAA/je21oPfGsD7xaOOItfjkPjqMMOKOeUU+TQAAAAABAABAPwAAAAAAAOQ/AVVVVVVVVQVAAQwAAAAAACBAAgAAAAAAAD8AAIA+AAAAPgAAgD2dKpiXm9eOpD49eqLi+tARf6uajFrechfOCGLjQ5oocg==";

    private const string Format1Fnn = "REVRTUxORVQBAAAANwAAAAAAAAABAAICAAAAAgAAAAIAAAAAAIA/AAAAwAAAAD8AAIBAAACAPgAAAL8BAAAAAAAAQAAAgL8AAEBAoF6Ftj2e8D9bFBIxz5WBSQHyKjT5vkw92ZLJEX8lf4A=";

    private static byte[] Bytes(Network network)
    {
        var stream = new MemoryStream();
        NetworkFormat.Write(network, stream);
        return stream.ToArray();
    }

    private static byte[] Content(Network network) => Bytes(network)[HeaderSize..^HashSize];

    /// <summary>The content with a header and a checksum that fit it.</summary>
    private static byte[] Sealed(byte[] content)
    {
        var header = Bytes(SmallDeq)[..HeaderSize];
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), content.Length);
        byte[] whole = [.. header, .. content];
        return [.. whole, .. SHA256.HashData(whole)];
    }

    private static ModelFormatException Refuses(byte[] bytes)
    {
        Xunit.Assert.Throws<ModelFormatException>(() => NetworkFormat.Read(new MemoryStream(bytes)));
        return Xunit.Assert.Throws<ModelFormatException>(() => NetworkFormat.Read(bytes));
    }

    private static long AllocatedBy(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>A stream that cannot seek and gives a few bytes at a time, as a decompressing one does.</summary>
    private sealed class Slow(byte[] bytes) : Stream
    {
        private int _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = Math.Min(Math.Min(count, 1 + _position % 4_001), bytes.Length - _position);
            bytes.AsSpan(_position, read).CopyTo(buffer.AsSpan(offset));
            _position += read;
            return read;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

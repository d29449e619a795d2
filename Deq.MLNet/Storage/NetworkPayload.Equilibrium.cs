using Deq.MLNet.Networks;

namespace Deq.MLNet.Storage;

// How a network's equilibria are found, and what is known of them: settings, certificate and unroll curves.
internal static partial class NetworkPayload
{
    private const byte PicardKind = 0, AndersonKind = 1, NewtonKind = 2, ForwardSubstitutionKind = 3, ForwardBackwardKind = 4, PeacemanRachfordKind = 5, AutoKind = 6;
    private const byte NoRuleKind = 0, SpectralKind = 1, InfinityNormKind = 2, PerronKind = 3, MonotoneKind = 4, StrictlyTriangularKind = 5, DiagonalKind = 6;

    private static void Write(EquilibriumSettings settings, BinaryWriter writer)
    {
        switch (settings.Solver)
        {
            case Picard picard:
                writer.Write(PicardKind);
                writer.Write(picard.Damping);
                break;
            case Anderson anderson:
                writer.Write(AndersonKind);
                writer.Write(anderson.Memory);
                writer.Write(anderson.Damping);
                writer.Write(anderson.Ridge);
                break;
            case Newton:
                writer.Write(NewtonKind);
                break;
            case ForwardSubstitution:
                writer.Write(ForwardSubstitutionKind);
                break;
            case ForwardBackward splitting:
                writer.Write(ForwardBackwardKind);
                writer.Write(splitting.Step is not null);
                if (splitting.Step is { } step)
                {
                    writer.Write(step);
                }
                break;
            case PeacemanRachford splitting:
                writer.Write(PeacemanRachfordKind);
                writer.Write(splitting.Step);
                break;
            case Auto:
                writer.Write(AutoKind);
                break;
            default:
                throw new NotSupportedException($"{settings.Solver} has no stored form.");
        }
        writer.Write(settings.Tolerance.Relative);
        writer.Write(settings.Tolerance.Absolute);
        writer.Write(settings.MaxIterations);
        writer.Write((byte)settings.OnNonConvergence);
    }

    private static EquilibriumSettings ReadSettings(ref PayloadReader reader)
    {
        var kind = reader.Byte("solver");
        FixedPointSolver solver = kind switch
        {
            PicardKind => new Picard(reader.Single("damping")),
            AndersonKind => new Anderson(reader.Int32("memory"), reader.Single("damping"), reader.Double("ridge")),
            NewtonKind => new Newton(),
            ForwardSubstitutionKind => new ForwardSubstitution(),
            ForwardBackwardKind => new ForwardBackward(reader.Bool("step") ? reader.Single("step") : null),
            PeacemanRachfordKind => new PeacemanRachford(reader.Single("step")),
            AutoKind => new Auto(),
            _ => throw reader.Invalid("solver", kind),
        };
        var tolerance = new Tolerance(reader.Double("relative tolerance"), reader.Double("absolute tolerance"));
        return new EquilibriumSettings(solver, tolerance, reader.Int32("iterations at the most"), reader.Enum<OnNonConvergence>("rows that do not converge"));
    }

    private static void Write(Certificate certificate, BinaryWriter writer)
    {
        writer.Write(certificate.Rule switch
        {
            NoRule => NoRuleKind,
            SpectralRule => SpectralKind,
            InfinityNormRule => InfinityNormKind,
            PerronRule => PerronKind,
            MonotoneRule => MonotoneKind,
            StrictlyTriangularRule => StrictlyTriangularKind,
            DiagonalRule => DiagonalKind,
            _ => throw new NotSupportedException($"{certificate.Rule} has no stored form."),
        });
        if (certificate.Rule is MonotoneRule { Margin: var margin })
        {
            writer.Write(margin);
        }
        else if (certificate.Rule.Bound is { } bound)
        {
            writer.Write(bound);
        }
        writer.Write(certificate.ContractionFactor);
        writer.Write(certificate.IsProved);
        if (certificate.ErrorPerResidual is { } error)
        {
            writer.Write(error);
        }
    }

    private static Certificate ReadCertificate(ref PayloadReader reader, int states)
    {
        var kind = reader.Byte("rule");
        var rule = kind switch
        {
            NoRuleKind => WellPosedness.None,
            SpectralKind => WellPosedness.Spectral(reader.Single("spectral bound")),
            InfinityNormKind => WellPosedness.InfinityNorm(reader.Single("infinity norm bound")),
            PerronKind => WellPosedness.Perron(reader.Single("Perron bound")),
            MonotoneKind => WellPosedness.Monotone(reader.Single("monotone margin")),
            StrictlyTriangularKind => WellPosedness.StrictlyTriangular,
            DiagonalKind => WellPosedness.Diagonal(reader.Single("diagonal bound")),
            _ => throw reader.Invalid("rule", kind),
        };
        var factor = reader.Double("contraction factor");
        double? error = reader.Bool("whether it is proved") ? reader.Double("error per residual") : null;
        var certificate = new Certificate(rule, states, factor, error);
        return certificate.IsPossible ? certificate : throw reader.Invalid("contraction factor, or the error per residual of it,", FormattableString.Invariant($"{factor}, {error}"));
    }

    private static void Write(UnrollCurve curve, BinaryWriter writer)
    {
        writer.Write((byte)curve.Form);
        writer.Write(curve.Rows);
        writer.Write(curve.Scale);
        writer.Write(curve.StateGain);
        writer.Write(curve.MaxErrors.Count);
        Write([.. curve.MaxErrors], writer);
        Write([.. curve.MeanErrors], writer);
    }

    private static List<UnrollCurve> ReadCurves(ref PayloadReader reader, int version)
    {
        var curves = new List<UnrollCurve>();
        if (version == 1)
        {
            // One curve or none, of plain iteration, without the gain: what it proves goes unused.
            return reader.Bool("unroll curve") ? [ReadCurve(ref reader, OnnxForm.Unrolled, version)] : [];
        }
        for (var left = reader.Count("unroll curves"); left > 0; left--)
        {
            var form = reader.Enum<OnnxForm>("form of an unroll curve");
            curves.Add(form != OnnxForm.Auto && curves.TrueForAll(c => c.Form != form) ? ReadCurve(ref reader, form, version) : throw reader.Invalid("form of an unroll curve", form));
        }
        return curves;
    }

    private static UnrollCurve ReadCurve(ref PayloadReader reader, OnnxForm form, int version)
    {
        var rows = reader.Size("rows of the unroll curve");
        var scale = reader.Single("scale of the unroll curve");
        if (!(scale >= 0 && float.IsFinite(scale)))
        {
            throw reader.Invalid("scale of the unroll curve", scale);
        }
        var gain = version == 1 ? float.PositiveInfinity : reader.Single("state gain of the unroll curve");
        if (!(gain >= 0))
        {
            throw reader.Invalid("state gain of the unroll curve", gain);
        }
        var steps = reader.Size("steps of the unroll curve");
        if (steps > UnrollCurve.MaxSteps)
        {
            throw reader.Invalid("steps of the unroll curve", steps);
        }
        return new UnrollCurve(form, rows, scale, Errors(ref reader, steps, "largest errors"), Errors(ref reader, steps, "mean errors")) { StateGain = gain };
    }

    /// <summary>Errors of a form; those of one that runs away are infinite or NaN.</summary>
    private static float[] Errors(ref PayloadReader reader, int steps, string field)
    {
        var errors = reader.Singles(1, steps, field);
        var negative = Array.FindIndex(errors, e => e < 0);
        return negative < 0 ? errors : throw reader.Invalid(field, errors[negative]);
    }
}

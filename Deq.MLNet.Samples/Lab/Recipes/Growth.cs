namespace Deq.MLNet.Samples.Lab;

/// <summary>A plan by which a network grows: for each stage its size and what it learns there, simple functions first. The intermediate targets tell a network the family of the last one.</summary>
/// <param name="Name">What tables call the network.</param>
/// <param name="Stages">First to last; each size holds the one before.</param>
internal sealed record Growth(string Name, IReadOnlyList<(Size Size, Target Target)> Stages)
{
    /// <summary>A triangular cell that learns the sawtooths of 2^1, 2^2, ..., 2^k pieces, from 2 states on, with so many more for each.</summary>
    public static Growth Deq(int doublings, int units) => Deq(Enumerable.Range(1, doublings).Select(k => new Sawtooth(k)), 2, units);

    /// <summary>A triangular cell that learns targets in turn.</summary>
    /// <param name="targets">At least one.</param>
    /// <param name="first">The states of the first stage.</param>
    /// <param name="units">How many each other adds.</param>
    public static Growth Deq(IEnumerable<Target> targets, int first, int units)
    {
        var stages = targets.Select((target, i) => ((Size)DeqSize.Triangular(first + units * i), target)).ToList();
        return new Growth(stages[^1].Item1.Name, stages);
    }

    /// <summary>
    /// An FNN that gets a layer in each stage. Where the sawtooth has more doublings than the network may have layers, some stages take more than one, and their layers are wider: a layer of d doublings needs 2^d kinks, and has twice as many.
    /// </summary>
    /// <param name="doublings">k of 2^k pieces.</param>
    /// <param name="depth">The most layers.</param>
    /// <param name="wideFirst">Whether the first stages take more, which start from kinks at the rows; else the last do.</param>
    public static Growth Fnn(int doublings, int depth, bool wideFirst = false) => Fnn(k => new Sawtooth(k), [], units: 2, doublings, depth, wideFirst);

    /// <summary>The same of any targets that double from k to k + 1.</summary>
    /// <param name="target">The one of k doublings.</param>
    /// <param name="first">The layers that learn the one of none; empty where it needs none.</param>
    /// <param name="units">A layer of d doublings has so many times 2^d units.</param>
    /// <param name="doublings">As above.</param>
    /// <param name="depth">The most layers behind those.</param>
    /// <param name="wideFirst">As above.</param>
    public static Growth Fnn(Func<int, Target> target, int[] first, int units, int doublings, int depth, bool wideFirst = false)
    {
        var (stages, widths, done) = (new List<(Size, Target)>(), first.ToList(), 0);
        if (first.Length > 0)
            stages.Add((new FnnSize(first), target(0)));
        for (var layer = 0; layer < depth && done < doublings; layer++)
        {
            var (left, layers) = (doublings - done, depth - layer);
            var step = Math.Max(1, (wideFirst ? left + layers - 1 : left) / layers);
            done += step;
            widths.Add(units << step);
            stages.Add((new FnnSize([.. widths]), target(done)));
        }
        return new Growth(stages[^1].Item1.Name, stages);
    }

    /// <summary>An FNN that gets two layers in each stage, each of so many units.</summary>
    public static Growth FnnOfTwoLayers(Func<int, Target> target, int[] first, int units, int doublings)
    {
        var stages = Enumerable.Range(0, doublings + 1).Select(k => ((Size)new FnnSize([.. first, .. Enumerable.Repeat(units, 2 * k)]), target(k))).ToList();
        return new Growth(stages[^1].Item1.Name, stages);
    }

    /// <summary>Both orders of wide and narrow layers, where there are two.</summary>
    public static IEnumerable<Growth> FnnInBothOrders(int doublings, int depth) => FnnInBothOrders(k => new Sawtooth(k), [], units: 2, doublings, depth);

    /// <summary>The same of any targets that double.</summary>
    public static IEnumerable<Growth> FnnInBothOrders(Func<int, Target> target, int[] first, int units, int doublings, int depth) =>
        new[] { Fnn(target, first, units, doublings, depth), Fnn(target, first, units, doublings, depth, wideFirst: true) }.DistinctBy(plan => plan.Name);

    /// <summary>The same sizes without simple functions: every stage learns the last one.</summary>
    public Growth WithoutCurriculum() => new($"{Name}, no curriculum", [.. Stages.Select(stage => stage with { Target = Stages[^1].Target })]);

    /// <summary>A network of one size that learns ramps of delta 2^-2, 2^-4, ..., 2^-d.</summary>
    public static Growth Steeper(Size size, int halvings) => Steeper(_ => size, halvings);

    /// <summary>The same where what W obeys follows delta.</summary>
    public static Growth Steeper(Func<Ramp, Size> size, int halvings)
    {
        var ramps = Enumerable.Range(1, halvings / 2).Select(i => new Ramp(2 * i));
        return new Growth(size(new Ramp(halvings)).Name, [.. ramps.Select(ramp => (size(ramp), (Target)ramp))]);
    }
}

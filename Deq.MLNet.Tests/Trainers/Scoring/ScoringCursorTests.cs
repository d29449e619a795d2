using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.Scoring.SolveSetup;

namespace Deq.MLNet.Tests.Trainers.Scoring;

public sealed class ScoringCursorTests
{
    private readonly MLContext _context = new(1);

    [Theory, EveryTask]
    public void A_row_is_scored_once_whatever_columns_ask_for_it(DeqTask task)
    {
        var (mapper, schema) = Bind(task);
        var row = new CountingRow(schema);
        var scored = mapper.GetRow(row, mapper.OutputSchema);
        var state = scored.GetGetter<VBuffer<float>>(scored.Schema["State"]);
        var iterations = scored.GetGetter<int>(scored.Schema["Iterations"]);
        VBuffer<float> z = default, first = default;
        var count = 0;

        foreach (var position in new[] { 0, 1, 1, 0 })
        {
            row.MoveTo(position);
            state(ref z);
            iterations(ref count);
            state(ref z);
            first = position == 0 ? new VBuffer<float>(States, [.. z.DenseValues()]) : first;
            count.Should().BePositive();
        }

        row.Reads.Should().Be(3, "of four steps one stays where it was");
        z.DenseValues().Bits().Should().Equal(first.DenseValues().Bits());
    }

    [Theory, EveryTask]
    public void A_column_that_nobody_asked_for_is_inactive_and_asks_for_no_features(DeqTask task)
    {
        var (mapper, schema) = Bind(task);
        mapper.GetDependenciesForNewColumns([]).Should().BeEmpty();
        mapper.GetDependenciesForNewColumns([mapper.OutputSchema["State"]]).Select(c => c.Name).Should().Equal("Features");

        foreach (var column in mapper.OutputSchema)
        {
            var row = mapper.GetRow(new CountingRow(schema), [column]);

            mapper.OutputSchema.Where(row.IsColumnActive).Should().Equal(column);
        }
        mapper.OutputSchema.Where(mapper.GetRow(new CountingRow(schema), []).IsColumnActive).Should().BeEmpty();
    }

    [Theory, EveryTask]
    public void A_column_read_by_itself_is_the_one_read_with_the_others(DeqTask task)
    {
        var data = _context.View(SolveRows());
        var model = _context.Deq(task, AllColumns).Fit(data);
        var (alone, together) = (model.Transform(data), model.Solved(data));

        alone.Values("Residual").Should().Equal(together.Select(r => r.Residual).Bits().Select(b => $"{b}"));
        alone.Values("Iterations").Should().Equal(together.Select(r => $"{r.Iterations}"));
        alone.Values("SolveStatus").Should().Equal(together.Select(r => r.SolveStatus));
        alone.Values("State").Should().Equal(together.Select(r => string.Join(' ', r.State.Bits())));
    }

    [Theory, EveryTask]
    public void Nothing_is_allocated_from_row_to_row(DeqTask task)
    {
        var (mapper, schema) = Bind(task);
        var row = new CountingRow(schema);
        var scored = mapper.GetRow(row, mapper.OutputSchema);
        var read = (Action)scored.Schema.Aggregate((Action)(() => { }), (all, column) => all + Read(scored, column));
        Step(0, 100);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Step(100, 1000);

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);

        void Step(int from, int count)
        {
            for (var position = from; position < from + count; position++)
            {
                row.MoveTo(position);
                read();
            }
        }
    }

    [Theory, EveryTask]
    public void Cursors_side_by_side_give_what_one_gives(DeqTask task)
    {
        var data = _context.View(SolveRows(500));
        var scored = _context.Deq(task, AllColumns).Fit(data).Transform(data);
        var one = scored.Values("State").Zip(scored.Values("Iterations"), scored.Values("SolveStatus"));
        var cursors = scored.GetRowCursorSet(scored.Schema.Where(c => c.Name is "State" or "Iterations" or "SolveStatus"), 4);
        var rows = new List<(long Position, string State, string Iterations, string Status)>[cursors.Length];

        Parallel.For(0, cursors.Length, i =>
        {
            rows[i] = [];
            using var cursor = cursors[i];
            var getState = cursor.GetGetter<VBuffer<float>>(scored.Schema["State"]);
            var getIterations = cursor.GetGetter<int>(scored.Schema["Iterations"]);
            var getStatus = cursor.GetGetter<ReadOnlyMemory<char>>(scored.Schema["SolveStatus"]);
            VBuffer<float> state = default;
            int iterations = 0;
            ReadOnlyMemory<char> status = default;
            while (cursor.MoveNext())
            {
                getState(ref state);
                getIterations(ref iterations);
                getStatus(ref status);
                rows[i].Add((cursor.Position, string.Join(' ', state.DenseValues().Bits()), $"{iterations}", status.ToString()));
            }
        });

        cursors.Should().HaveCountGreaterThan(1);
        // Each cursor counts its own rows: what they give is compared as a whole.
        rows.SelectMany(r => r).Select(r => (r.State, r.Iterations, r.Status)).Should().BeEquivalentTo(one);
    }

    [Theory, EveryTask]
    public void Sparse_features_are_solved_as_dense_ones(DeqTask task)
    {
        var rows = SolveRows();
        foreach (var row in rows)
        {
            row.Features[0] = row.Features[2] = 0;
        }
        var model = _context.Deq(task, AllColumns).Fit(_context.View(rows));
        var sparse = _context.Data.LoadFromEnumerable(rows.Select(r => new SparseRow { Features = new VBuffer<float>(4, 2, [r.Features[1], r.Features[3]], [1, 3]) }));

        var (fromSparse, fromDense) = (model.Transform(sparse), model.Transform(_context.View(rows)));

        foreach (var column in new[] { "Score", "Residual", "Iterations", "SolveStatus", "State" })
        {
            fromSparse.Values(column).Should().Equal(fromDense.Values(column));
        }
    }

    private (ISchemaBoundRowMapper Mapper, DataViewSchema Schema) Bind(DeqTask task)
    {
        var data = _context.View(SolveRows());
        var model = (ISchemaBindableMapper)_context.Deq(task, AllColumns).Fit(data).Model;
        return ((ISchemaBoundRowMapper)model.Bind(_context, new RoleMappedSchema(data.Schema, null, "Features")), data.Schema);
    }

    private static Action Read(DataViewRow row, DataViewSchema.Column column)
    {
        return column.Type switch
        {
            VectorDataViewType => Of<VBuffer<float>>(),
            TextDataViewType => Of<ReadOnlyMemory<char>>(),
            NumberDataViewType type when type == NumberDataViewType.Int32 => Of<int>(),
            _ => Of<float>(),
        };

        Action Of<T>()
        {
            var get = row.GetGetter<T>(column);
            T value = default!;
            return () => get(ref value);
        }
    }

    private sealed class SparseRow
    {
        [VectorType(4)]
        public VBuffer<float> Features { get; set; }
    }

    /// <summary>Features that follow from the position, and the number of times they were asked for.</summary>
    private sealed class CountingRow(DataViewSchema schema) : DataViewRow
    {
        private long _position = -1;

        public int Reads { get; private set; }

        public override long Position => _position;

        public override long Batch => 0;

        public override DataViewSchema Schema => schema;

        public void MoveTo(long position) => _position = position;

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            column.Name.Should().Be("Features");
            ValueGetter<VBuffer<float>> get = (ref VBuffer<float> value) =>
            {
                Reads++;
                var editor = VBufferEditor.Create(ref value, 4);
                for (var i = 0; i < 4; i++)
                {
                    editor.Values[i] = MathF.Sin(_position + i);
                }
                value = editor.Commit();
            };
            return (ValueGetter<TValue>)(Delegate)get;
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)_position, 0);

        public override bool IsColumnActive(DataViewSchema.Column column) => true;
    }
}

using Deq.MLNet.Tests.Conformance;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers.Scoring;

public sealed class ScoringCursorTests
{
    private readonly MLContext _context = new(1);

    [Theory, TrainersWithColumns]
    public void A_row_is_scored_once_whatever_columns_ask_for_it(TrainerCase trainer)
    {
        var (mapper, schema) = Bind(trainer);
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
            first = position == 0 ? new VBuffer<float>(TrainerCase.HiddenSize, [.. z.DenseValues()]) : first;
            count.Should().BePositive();
        }

        row.Reads.Should().Be(3, "of four steps one stays where it was");
        z.DenseValues().Bits().Should().Equal(first.DenseValues().Bits());
    }

    [Theory, TrainersWithColumns]
    public void A_column_that_nobody_asked_for_is_inactive_and_asks_for_no_features(TrainerCase trainer)
    {
        var (mapper, schema) = Bind(trainer);
        mapper.GetDependenciesForNewColumns([]).Should().BeEmpty();
        mapper.GetDependenciesForNewColumns([mapper.OutputSchema["State"]]).Select(c => c.Name).Should().Equal("Features");

        foreach (var column in mapper.OutputSchema)
        {
            var row = mapper.GetRow(new CountingRow(schema), [column]);

            mapper.OutputSchema.Where(row.IsColumnActive).Should().Equal(column);
        }
        mapper.OutputSchema.Where(mapper.GetRow(new CountingRow(schema), []).IsColumnActive).Should().BeEmpty();
    }

    [Theory, TrainersWithColumns]
    public void A_column_read_by_itself_is_the_one_read_with_the_others(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var model = trainer.Trainer(_context).Fit(data);
        var (alone, together) = (model.Transform(data), model.Solved(data));

        alone.GetColumn<float>("Residual").Bits().Should().Equal(together.Select(r => r.Residual).Bits());
        alone.GetColumn<int>("Iterations").Should().Equal(together.Select(r => r.Iterations));
        alone.GetColumn<string>("SolveStatus").Should().Equal(together.Select(r => r.SolveStatus));
        alone.GetColumn<float[]>("State").SelectMany(z => z).Bits().Should().Equal(together.SelectMany(r => r.State).Bits());
    }

    [Theory, TrainersWithColumns, BothTrainers]
    public void Nothing_is_allocated_from_row_to_row(TrainerCase trainer)
    {
        var (mapper, schema) = Bind(trainer);
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

    [Theory, TrainersWithColumns]
    public void Cursors_side_by_side_give_what_one_gives(TrainerCase trainer)
    {
        var data = trainer.View(_context, Rows(500));
        var scored = trainer.Trainer(_context).Fit(data).Transform(data);
        string[] columns = ["State", "Iterations", "SolveStatus"];
        var one = columns.Select(scored.Texts).ToArray();
        var cursors = scored.GetRowCursorSet(columns.Select(c => scored.Schema[c]), 4);
        var rows = new List<string>[cursors.Length];

        Parallel.For(0, cursors.Length, i =>
        {
            rows[i] = [];
            using var cursor = cursors[i];
            var readers = columns.Select(c => RowReaders.Reader(cursor, cursor.Schema[c])).ToArray();
            while (cursor.MoveNext())
            {
                rows[i].Add(string.Join(" | ", readers.Select(read => read())));
            }
        });

        cursors.Should().HaveCountGreaterThan(1);
        // Each cursor counts its own rows: what they give is compared as a whole.
        rows.SelectMany(r => r).Should().BeEquivalentTo(one[0].Zip(one[1], one[2]).Select(v => $"{v.First} | {v.Second} | {v.Third}"));
    }

    [Theory, TrainersWithColumns]
    public void Sparse_features_are_solved_as_dense_ones(TrainerCase trainer)
    {
        var rows = Rows();
        foreach (var row in rows)
        {
            row.Features[0] = row.Features[2] = 0;
        }
        var dense = trainer.View(_context, rows);
        var model = trainer.Trainer(_context).Fit(dense);

        var (fromSparse, fromDense) = (model.Transform(dense.WithSparseFeatures()), model.Transform(dense));

        foreach (var column in new[] { "Score", "Residual", "Iterations", "SolveStatus", "State" })
        {
            fromSparse.Texts(column).Should().Equal(fromDense.Texts(column));
        }
    }

    private (ISchemaBoundRowMapper Mapper, DataViewSchema Schema) Bind(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var model = (ISchemaBindableMapper)trainer.Trainer(_context).Fit(data).Model;
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

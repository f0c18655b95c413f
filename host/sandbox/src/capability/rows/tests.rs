//! Cells there and back, and batches that lie.

use host_model::value::Row;

use super::*;

fn column(kind: &str) -> Column {
    Column { name: "c".to_owned(), kind: kind.to_owned(), nullable: true }
}

fn batch(cells: &[Value]) -> Batch {
    let rows: Vec<Row> = cells.iter().map(|cell| vec![cell.clone()]).collect();
    Batch::from_rows(1, &rows)
}

fn there_and_back(cells: &[Value], kind: &str) -> (String, Vec<Value>) {
    let sent = to_column_batch(batch(cells), &[column(kind)]);
    let kind = sent.columns[0].kind.clone();
    let received = from_column_batch(sent, 1, u64::MAX).expect("sound");
    (kind, received.to_rows().concat())
}

#[test]
fn every_kind_of_cell_survives_both_ways() {
    let each = [
        ("boolean", Value::Bool(true)),
        ("integer", Value::Int(i64::MIN)),
        ("float", Value::Float(0.1)),
        ("decimal", Value::Decimal("12.340".into())),
        ("text", Value::Text("näme".into())),
        ("bytes", Value::Bytes(vec![0, 255])),
        ("date", Value::Date("2013-01-01".into())),
        ("timestamp", Value::Timestamp("2013-01-01T05:00:00Z".into())),
        ("inet", Value::Other("inet".into(), "::1".into())),
    ];
    for (name, value) in each {
        assert_eq!(from_guest(to_guest(CellRef::from(&value))), value);
        let cells = [Value::Null, value.clone(), value, Value::Null];
        let (kind, back) = there_and_back(&cells, "unknown");
        assert_eq!(kind, name);
        assert_eq!(back, cells);
        let by_row = from_row_batch(&to_row_batch(&batch(&cells)), 1).expect("sound");
        assert_eq!(by_row.to_rows().concat(), cells);
    }
}

#[test]
fn nulls_are_marked_beyond_the_first_byte_of_the_bitmap() {
    let cells: Vec<Value> = (0..20).map(|i| if i % 9 == 8 { Value::Null } else { Value::Int(i) }).collect();
    assert_eq!(there_and_back(&cells, "bigint"), ("integer".to_owned(), cells));
}

#[test]
fn a_column_of_several_kinds_comes_as_text() {
    let cells = vec![Value::Int(1), Value::Text("one".into()), Value::Bytes(vec![1])];
    let texts = ["1", "one", "01"].map(|text| Value::Text(text.into())).to_vec();
    assert_eq!(there_and_back(&cells, "unknown"), ("text".to_owned(), texts));
}

#[test]
fn a_column_without_any_cell_has_the_kind_its_type_announces() {
    assert_eq!(there_and_back(&[Value::Null], "numeric(10,2)").0, "decimal");
    assert_eq!(there_and_back(&[Value::Null], "int8").0, "integer");
    assert_eq!(there_and_back(&[Value::Null], "inet").0, "inet");
}

#[test]
fn a_batch_that_lies_is_refused_with_its_reason() {
    let packed = |offsets: &[u32], data: &[u8]| ColumnValues {
        kind: "text".into(),
        nulls: vec![],
        data: ColumnData::Packed(Packed { offsets: offsets.to_vec(), data: data.to_vec() }),
    };
    let refusal = |rows: u32, column: ColumnValues| {
        let error = from_column_batch(ColumnBatch { rows, columns: vec![column] }, 1, u64::MAX).expect_err("refused");
        assert_eq!(error.code, "invalid");
        error.message
    };
    assert!(refusal(u32::MAX, packed(&[0, 1], b"a")).ends_with("it has 1 cells"));
    assert!(refusal(2, packed(&[0, 5, 2], b"ab")).ends_with("its offsets descend"));
    assert!(refusal(1, packed(&[1, 2], b"ab")).ends_with("its offsets do not begin with 0"));
    assert!(refusal(1, packed(&[0, 1], b"ab")).ends_with("its offsets do not end at the end of the data"));
    assert!(refusal(1, packed(&[], b"")).ends_with("its offsets do not begin with 0"));
    assert!(refusal(1, packed(&[0, 1], b"\xff")).ends_with("a text is not UTF-8"));
    let error = from_column_batch(ColumnBatch { rows: 0, columns: vec![] }, 1, u64::MAX).expect_err("refused");
    assert_eq!(error.message, "the batch has 0 columns, 1 are named");
    let nothing = from_column_batch(ColumnBatch { rows: u32::MAX, columns: vec![] }, 0, u64::MAX).expect("sound");
    assert_eq!(nothing.rows(), 0, "four billion rows of nothing are no work");
    let one = ColumnValues { kind: "boolean".into(), nulls: vec![], data: ColumnData::Booleans(vec![true; 1000]) };
    let much = from_column_batch(ColumnBatch { rows: 1000, columns: vec![one] }, 1, 20_000).expect_err("refused");
    assert_eq!(much.code, "limit");
}

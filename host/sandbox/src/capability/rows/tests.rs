//! Cells there and back, and batches that lie.

use super::*;

fn column(kind: &str) -> Column {
    Column { name: "c".to_owned(), kind: kind.to_owned(), nullable: true }
}

fn there_and_back(cells: Vec<Value>, kind: &str) -> (String, Vec<Value>) {
    let rows: Vec<Row> = cells.into_iter().map(|cell| vec![cell]).collect();
    let batch = to_column_batch(rows, &[column(kind)]);
    let kind = batch.columns[0].kind.clone();
    let rows = from_column_batch(batch, 1, u64::MAX).expect("sound");
    (kind, rows.into_iter().flatten().collect())
}

#[test]
fn every_kind_of_cell_survives_both_ways() {
    let each = [
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Float(0.1),
        Value::Decimal("12.340".into()),
        Value::Text("näme".into()),
        Value::Bytes(vec![0, 255]),
        Value::Date("2013-01-01".into()),
        Value::Timestamp("2013-01-01T05:00:00Z".into()),
        Value::Other("inet".into(), "::1".into()),
    ];
    for value in each {
        assert_eq!(from_guest(to_guest(value.clone())), value);
        let cells = vec![Value::Null, value.clone(), value.clone(), Value::Null];
        let (kind, back) = there_and_back(cells.clone(), "unknown");
        assert_eq!(kind, kind_of(&value));
        assert_eq!(back, cells);
    }
}

#[test]
fn nulls_are_marked_beyond_the_first_byte_of_the_bitmap() {
    let cells: Vec<Value> = (0..20).map(|i| if i % 9 == 8 { Value::Null } else { Value::Int(i) }).collect();
    assert_eq!(there_and_back(cells.clone(), "bigint"), ("integer".to_owned(), cells));
}

#[test]
fn a_column_of_several_kinds_comes_as_text() {
    let cells = vec![Value::Int(1), Value::Text("one".into()), Value::Bytes(vec![1])];
    let texts = ["1", "one", "01"].map(|text| Value::Text(text.into())).to_vec();
    assert_eq!(there_and_back(cells, "unknown"), ("text".to_owned(), texts));
}

#[test]
fn a_column_without_any_cell_has_the_kind_its_type_announces() {
    assert_eq!(there_and_back(vec![Value::Null], "numeric(10,2)").0, "decimal");
    assert_eq!(there_and_back(vec![Value::Null], "int8").0, "integer");
    assert_eq!(there_and_back(vec![Value::Null], "inet").0, "inet");
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
}

//! Cells of every kind there and back, columns that change their mind, limits.

use super::*;

fn one_of_each() -> Vec<Value> {
    vec![
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Float(-0.5),
        Value::Decimal("-12.340".into()),
        Value::Text("näme 🐎".into()),
        Value::Bytes(vec![0, 255]),
        Value::Date("2024-02-29".into()),
        Value::Timestamp("2024-02-29T10:00:00Z".into()),
        Value::Other("date".into(), "infinity".into()),
    ]
}

fn column_of(cells: &[Value]) -> Batch {
    let rows: Vec<Row> = cells.iter().map(|cell| vec![cell.clone()]).collect();
    Batch::from_rows(1, &rows)
}

#[test]
fn every_kind_of_cell_comes_back_with_nulls_before_between_and_after() {
    for value in one_of_each() {
        let mut cells = vec![Value::Null; 9];
        cells.extend([value.clone(), Value::Null, value]);
        cells.extend(vec![Value::Null; 9]);
        let batch = column_of(&cells);
        assert_eq!(batch.to_rows().concat(), cells);
        assert!(!matches!(batch.columns()[0].data(), Data::Mixed(_)));
        let (len, nulls, data) = batch.clone().into_columns().remove(0).into_parts();
        assert_eq!(len, cells.len());
        assert_eq!(Cells::new(nulls, data), batch.columns()[0]);
    }
}

#[test]
fn a_column_of_several_kinds_keeps_each_cell_as_it_was() {
    let mut cells = vec![Value::Null];
    cells.extend(one_of_each());
    cells.push(Value::Other("uuid".into(), "x".into()));
    cells.push(Value::Null);
    let batch = column_of(&cells);
    assert!(matches!(batch.columns()[0].data(), Data::Mixed(_)));
    assert_eq!(batch.to_rows().concat(), cells);
}

#[test]
fn rows_of_a_batch_are_those_that_are_whole() {
    let mut batch = Batch::new(2);
    batch.push(CellRef::Int(1));
    assert_eq!((batch.rows(), batch.width()), (0, 2));
    batch.push(CellRef::Text("one"));
    assert_eq!(batch.to_rows(), [[Value::Int(1), Value::Text("one".into())]]);
    assert_eq!(batch.cell(1, 0), CellRef::Null);
    batch.push_row(&[Value::Int(2)]);
    let mut copy = Batch::new(2);
    copy.push_row_of(&batch, 1);
    assert_eq!(copy.to_rows(), [[Value::Int(2), Value::Null]]);
}

#[test]
fn a_batch_weighs_the_same_however_it_was_made() {
    let row = one_of_each();
    let mut mixed = row.clone();
    mixed.reverse();
    let batch = Batch::from_rows(row.len(), &[row.clone(), row, mixed, vec![]]);
    assert_eq!(batch.bytes(), 4 * 9 * CELL + 3 * texts());
    let again = Batch::of_columns(4, batch.clone().into_columns()).unwrap();
    assert_eq!(again, batch);
    assert_eq!(Batch::of_columns(3, batch.into_columns()), None);
    assert_eq!(Batch::of_columns(u32::MAX as usize, Vec::new()).unwrap().rows(), 0, "without a cell there is no row");
}

const CELL: usize = 16;

fn texts() -> usize {
    "-12.340".len() + "näme 🐎".len() + 2 + "2024-02-29".len() + "2024-02-29T10:00:00Z".len() + "dateinfinity".len()
}

#[test]
fn a_limit_is_reached_by_rows_or_by_bytes() {
    let limit = BatchLimit { rows: 10, bytes: 1_000 };
    let mut batch = Batch::new(1);
    assert_eq!(limit.fitting(&batch, 0), 1, "nothing is known");
    assert_eq!(limit.fitting(&batch, 10), 10, "not more than wanted");
    assert_eq!(limit.fitting(&batch, 300), 3);
    assert_eq!(limit.fitting(&batch, 3_000), 1, "a row that is too wide comes alone");
    batch.push(CellRef::Text(&"x".repeat(384)));
    assert_eq!((batch.bytes(), limit.is_reached(&batch)), (400, false));
    assert_eq!(BatchLimit::rows(5_000).fitting(&batch, 0), 7, "one row does not say much");
    assert_eq!(limit.fitting(&batch, 0), 1);
    batch.push_row(&[Value::Text("x".repeat(584))]);
    assert!(limit.is_reached(&batch));
    assert!(BatchLimit { rows: 2, bytes: usize::MAX }.is_reached(&batch));
    assert!(!BatchLimit::rows(3).is_reached(&batch));
    assert!(!BatchLimit { rows: 1, bytes: 0 }.is_reached(&Batch::new(1)), "one row always has room");
}

#[test]
fn offsets_of_others_are_believed_only_when_they_fit() {
    let packed = |offsets: &[u32], data: &str| Packed::new(offsets.to_vec(), data.as_bytes().to_vec());
    assert_eq!(packed(&[0, 5, 2], "ab"), Err(PackedError::Descending));
    assert_eq!(packed(&[1, 2], "ab"), Err(PackedError::Begin));
    assert_eq!(packed(&[], ""), Err(PackedError::Begin));
    assert_eq!(packed(&[0, 1], "ab"), Err(PackedError::End));
    assert_eq!(packed(&[0, 1, 2], "ä").unwrap().into_texts(), Err(PackedError::NotText));
    let whole = packed(&[0, 2, 2, 3], "äb").unwrap().into_texts().unwrap();
    assert_eq!((whole.get(0), whole.get(1), whole.get(2), whole.get(3)), (Some("ä"), Some(""), Some("b"), None));
}

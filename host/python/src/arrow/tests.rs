//! Types settled by first values, columns written and read again, and values that have no place.

use super::column::{exact_float, unscaled};
use super::kind::{decimal_places, of_column, of_name};
use super::*;

fn text(of: &str) -> String {
    of.to_owned()
}

fn batch(values: Vec<Value>) -> Batch {
    Batch::from_rows(1, &values.into_iter().map(|value| vec![value]).collect::<Vec<_>>())
}

fn column(kind: &str) -> [Column; 1] {
    [Column { name: text("n"), kind: text(kind), nullable: true }]
}

#[test]
fn the_first_values_settle_the_type_of_a_column() {
    let cases = [
        (vec![Value::Int(1), Value::Null], Some(Kind::Int)),
        (vec![Value::Int(1), Value::Float(0.5)], Some(Kind::Float)),
        (vec![Value::Decimal(text("1.5")), Value::Decimal(text("-1.25"))], Some(Kind::Decimal { scale: 2 })),
        (vec![Value::Decimal(text("NaN"))], Some(Kind::Text)),
        (vec![Value::Int(1), Value::Text(text("x"))], Some(Kind::Text)),
        (vec![Value::Date(text("2026-11-22"))], Some(Kind::Date)),
        (vec![Value::Date(text("infinity"))], Some(Kind::Text)),
        (vec![Value::Timestamp(text("2026-11-22T10:00:00.5"))], Some(Kind::Timestamp { zoned: false })),
        (vec![Value::Timestamp(text("2026-11-22T10:00:00+02:00"))], Some(Kind::Timestamp { zoned: true })),
        (vec![Value::Null], None),
    ];
    for (values, kind) in cases {
        assert_eq!(of_column(&batch(values.clone()).columns()[0]), kind, "{values:?}");
    }
    assert_eq!(of_name("varchar(20)"), Kind::Text);
    assert_eq!(of_name("timestamptz"), Kind::Timestamp { zoned: true });
}

#[test]
fn numbers_keep_every_digit() {
    assert_eq!(unscaled("-12.340", 3), Some(-12_340));
    assert_eq!(unscaled("12", 2), Some(1_200));
    assert_eq!(unscaled("0.05", 2), Some(5));
    assert_eq!(unscaled("0", 38), Some(0));
    assert_eq!(unscaled("1.234", 2), None);
    for wrong in ["", "-", ".", "1.2.3", "1e5", "NaN", "1 "] {
        assert_eq!(unscaled(wrong, 2), None, "{wrong}");
    }
    let widest = "12345678901234567890123456789012345678";
    assert_eq!(unscaled(widest, 0), Some(12345678901234567890123456789012345678));
    assert_eq!(unscaled(widest, 1), None);
    assert_eq!(unscaled(&format!("000{widest}"), 0), Some(12345678901234567890123456789012345678));
    assert_eq!(decimal_places("123456789012345678901234567890123456789"), None);
    assert_eq!(decimal_places("0.50"), Some(2));
    assert_eq!(exact_float(1 << 53), Some(9_007_199_254_740_992.0));
    assert_eq!(exact_float((1 << 53) + 1), None);
}

#[test]
fn a_value_that_no_longer_fits_is_refused_with_its_column() {
    let first = batch(vec![Value::Int(1)]);
    let mut writer = ArrowWriter::begin(&column("unknown"), &first, Vec::new()).unwrap();
    writer.write(first).unwrap();
    let error = writer.write(batch(vec![Value::Text(text("x"))])).unwrap_err();
    assert!(error.message.starts_with("column `n` holds \"x\", and began with whole numbers; cast it"), "{error}");
    // A result without rows is a stream too.
    let empty = ArrowWriter::begin(&column("int4"), &Batch::new(1), Vec::new()).unwrap();
    assert!(empty.finish().unwrap().starts_with(&[0xff; 4]));
}

/// What is in a column after it was written and read again.
fn round_trip(batches: Vec<Batch>) -> (Vec<Option<String>>, String) {
    let mut writer = ArrowWriter::begin(&column("unknown"), &batches[0], Vec::new()).unwrap();
    batches.into_iter().for_each(|batch| writer.write(batch).unwrap());
    let stream = writer.finish().unwrap();
    let reader = arrow_ipc::reader::StreamReader::try_new(&stream[..], None).unwrap();
    let kind = reader.schema().field(0).data_type().to_string();
    let mut seen = Vec::new();
    for batch in reader {
        let array = batch.unwrap().column(0).clone();
        seen.extend((0..array.len()).map(|row| array.is_valid(row).then(|| shown(&array, row))));
    }
    (seen, kind)
}

fn shown(array: &dyn arrow_array::Array, row: usize) -> String {
    use arrow_array::cast::AsArray;
    use arrow_array::types::*;
    use arrow_schema::DataType as T;
    match array.data_type() {
        T::Boolean => array.as_boolean().value(row).to_string(),
        T::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        T::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        T::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        T::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        T::Binary => format!("{:?}", array.as_binary::<i32>().value(row)),
        other => panic!("{other}"),
    }
}

#[test]
fn columns_that_are_taken_over_keep_their_values_and_their_nulls() {
    let cases = [
        (vec![Value::Bool(true), Value::Null, Value::Bool(false)], ["true", "", "false"]),
        (vec![Value::Int(-1), Value::Null, Value::Int(i64::MAX)], ["-1", "", "9223372036854775807"]),
        (vec![Value::Float(0.1), Value::Null, Value::Float(-2.0)], ["0.1", "", "-2"]),
        (vec![Value::Text(text("ä")), Value::Null, Value::Text(text(""))], ["ä", "", ""]),
        (vec![Value::Bytes(vec![0, 255]), Value::Null, Value::Bytes(vec![])], ["[0, 255]", "", "[]"]),
        (vec![Value::Decimal(text("1.5")), Value::Null, Value::Decimal(text("-0.25"))], ["1.50", "", "-0.25"]),
        (vec![Value::Int(1), Value::Null, Value::Float(0.5)], ["1", "", "0.5"]),
        (vec![Value::Int(1), Value::Null, Value::Text(text("x"))], ["1", "", "x"]),
    ];
    for (values, expected) in cases {
        // More than eight rows, so that the bitmap has several bytes, some of them left out at its end.
        let many: Vec<Value> =
            values.iter().cycle().take(21).cloned().chain([values[0].clone(), values[2].clone()]).collect();
        let expected = |n: usize| (values[n] != Value::Null).then(|| expected[n].to_owned());
        let wanted: Vec<_> = (0..21).map(|n| expected(n % 3)).chain([expected(0), expected(2)]).collect();
        let (seen, kind) = round_trip(vec![batch(many), batch(vec![Value::Null])]);
        assert_eq!(seen[..23], wanted, "{kind}");
        assert_eq!(seen[23], None, "{kind}");
    }
}

//! Cells between the model and a worker's JSON: null, boolean, 64-bit integer and text stand for themselves, all else
//! is `[kind, text]`, so that every value arrives exactly as it left. The worker's half is `rt/values.py`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use host_model::Json;
use host_model::value::{CellRef, Value};

/// Adds the JSON of one cell to `out`.
pub(crate) fn write(cell: CellRef<'_>, out: &mut Vec<u8>) {
    match cell {
        CellRef::Null => out.extend_from_slice(b"null"),
        CellRef::Bool(true) => out.extend_from_slice(b"true"),
        CellRef::Bool(false) => out.extend_from_slice(b"false"),
        CellRef::Int(i) => out.extend_from_slice(i.to_string().as_bytes()),
        CellRef::Float(f) => write_tagged("float", &f.to_string(), out),
        CellRef::Decimal(text) => write_tagged("decimal", text, out),
        CellRef::Text(text) => write_text(text, out),
        CellRef::Bytes(bytes) => write_tagged("bytes", &BASE64.encode(bytes), out),
        CellRef::Date(text) => write_tagged("date", text, out),
        CellRef::Timestamp(text) => write_tagged("timestamp", text, out),
        CellRef::Other(kind, text) => write_tagged(kind, text, out),
    }
}

fn write_tagged(kind: &str, text: &str, out: &mut Vec<u8>) {
    out.push(b'[');
    write_text(kind, out);
    out.push(b',');
    write_text(text, out);
    out.push(b']');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // Text always has a JSON form, and memory always takes it.
    let _ = serde_json::to_writer(out, text);
}

/// The value of one cell.
///
/// # Errors
/// A sentence when it is not of the form this file describes.
pub(crate) fn read(cell: &Json) -> Result<Value, String> {
    match cell {
        Json::Null => Ok(Value::Null),
        Json::Bool(b) => Ok(Value::Bool(*b)),
        Json::Number(number) => {
            number.as_i64().map(Value::Int).ok_or_else(|| format!("{number} is not a 64-bit integer"))
        }
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Array(pair) => match pair.as_slice() {
            [Json::String(kind), Json::String(text)] => read_tagged(kind, text),
            _ => Err("an array is not a cell".to_owned()),
        },
        Json::Object(_) => Err("an object is not a cell".to_owned()),
    }
}

fn read_tagged(kind: &str, text: &str) -> Result<Value, String> {
    let bad = |_| format!("`{text}` is not a `{kind}`");
    Ok(match kind {
        "float" => Value::Float(text.parse().map_err(|_| bad(()))?),
        "decimal" => Value::Decimal(text.to_owned()),
        "bytes" => Value::Bytes(BASE64.decode(text).map_err(|_| bad(()))?),
        "date" => Value::Date(text.to_owned()),
        "timestamp" => Value::Timestamp(text.to_owned()),
        other => Value::Other(other.to_owned(), text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_cell_comes_back_as_it_left() {
        let cells = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Float(0.1 + 0.2),
            Value::Float(f64::NEG_INFINITY),
            Value::Float(-0.0),
            Value::Decimal("12345678901234567890.10".into()),
            Value::Text("a \"quote\", a \u{2028} and \0".into()),
            Value::Bytes(vec![0, 255, 7]),
            Value::Date("2026-11-22".into()),
            Value::Timestamp("2026-11-22T10:00:00.5+02:00".into()),
            Value::Other("uuid".into(), "00000000-0000-0000-0000-000000000001".into()),
        ];
        for value in cells {
            let mut out = Vec::new();
            write(CellRef::from(&value), &mut out);
            assert_eq!(read(&serde_json::from_slice(&out).unwrap()), Ok(value));
        }
        let mut out = Vec::new();
        write(CellRef::Float(f64::NAN), &mut out);
        assert!(matches!(read(&serde_json::from_slice(&out).unwrap()), Ok(Value::Float(f)) if f.is_nan()));
    }

    #[test]
    fn what_is_no_cell_is_refused() {
        for bad in [r#"{"a":1}"#, "[1,2]", "1.5", r#"["float","x"]"#, r#"["bytes","*"]"#] {
            assert!(read(&serde_json::from_str(bad).unwrap()).is_err(), "{bad}");
        }
    }
}

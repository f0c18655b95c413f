//! One column of a batch as an Arrow array. A buffer that is what Arrow wants is taken over as it is; only where the kinds
//! differ are cells looked at one by one.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use host_model::batch::{Cells, Data, TextKind};
use host_model::value::{CellRef, Value};

use super::kind::{DIGITS, Kind};
use super::moment::{date, moment};

/// Builds the column; a value that does not fit comes back.
pub(super) fn build(kind: Kind, cells: Cells) -> Result<ArrayRef, Value> {
    match (kind, cells.data()) {
        (Kind::Bool, Data::Bools(_))
        | (Kind::Int, Data::Ints(_))
        | (Kind::Float, Data::Floats(_))
        | (Kind::Bytes, Data::Bytes(_))
        | (Kind::Text, Data::Texts(TextKind::Text | TextKind::Other(_), _)) => {
            let (len, nulls, data) = cells.into_parts();
            match take_over(data, validity(len, nulls)) {
                Some(array) => Ok(array),
                // Nobody asks for more than a few megabytes at once; one cell alone can be that large.
                None => Err(Value::Text("more than 2 GiB at once".to_owned())),
            }
        }
        _ => look_at_each(kind, &cells),
    }
}

/// The buffer as it is; `None` where its offsets pass what Arrow counts to.
fn take_over(data: Data, nulls: Option<NullBuffer>) -> Option<ArrayRef> {
    Some(match data {
        Data::Bools(cells) => Arc::new(BooleanArray::new(BooleanBuffer::from(cells), nulls)),
        Data::Ints(cells) => Arc::new(Int64Array::new(ScalarBuffer::from(cells), nulls)),
        Data::Floats(cells) => Arc::new(Float64Array::new(ScalarBuffer::from(cells), nulls)),
        Data::Texts(_, texts) => {
            let (offsets, text) = texts.into_parts();
            Arc::new(StringArray::try_new(signed(offsets)?, Buffer::from_vec(text.into_bytes()), nulls).ok()?)
        }
        Data::Bytes(items) => {
            let (offsets, bytes) = items.into_parts();
            Arc::new(BinaryArray::try_new(signed(offsets)?, Buffer::from_vec(bytes), nulls).ok()?)
        }
        Data::Nothing | Data::Mixed(_) => return None,
    })
}

/// Offsets as Arrow counts. They begin with 0 and never descend, so the last one tells of all.
fn signed(offsets: Vec<u32>) -> Option<OffsetBuffer<i32>> {
    i32::try_from(*offsets.last()?).ok()?;
    let signed: Vec<i32> = offsets.into_iter().map(u32::cast_signed).collect();
    Some(OffsetBuffer::new(ScalarBuffer::from(signed)))
}

/// Arrow's bitmap says which cells are there, ours which are not.
fn validity(len: usize, mut nulls: Vec<u8>) -> Option<NullBuffer> {
    if nulls.iter().all(|byte| *byte == 0) {
        return None;
    }
    nulls.resize(len.div_ceil(8), 0);
    nulls.iter_mut().for_each(|byte| *byte = !*byte);
    Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(nulls), 0, len)))
}

/// Cell by cell: texts that stand for something else, and columns whose cells are of several kinds.
fn look_at_each(kind: Kind, cells: &Cells) -> Result<ArrayRef, Value> {
    let n = cells.len();
    macro_rules! fill {
        ($builder:expr, $($cell:pat => $read:expr),+) => {{
            let mut builder = $builder;
            for row in 0..n {
                let cell = cells.get(row);
                match cell {
                    CellRef::Null => builder.append_null(),
                    $($cell => match $read {
                        Some(read) => builder.append_value(read),
                        None => return Err(cell.to_value()),
                    },)+
                    #[allow(unreachable_patterns, reason = "one arm of this macro takes every value")]
                    _ => return Err(cell.to_value()),
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    Ok(match kind {
        Kind::Bool => fill!(BooleanBuilder::with_capacity(n), CellRef::Bool(is) => Some(is)),
        Kind::Int => fill!(Int64Builder::with_capacity(n), CellRef::Int(i) => Some(i)),
        Kind::Float => fill!(
            Float64Builder::with_capacity(n), CellRef::Float(f) => Some(f), CellRef::Int(i) => exact_float(i)
        ),
        Kind::Decimal { scale } => fill!(
            Decimal128Builder::with_capacity(n).with_data_type(kind.data_type()),
            CellRef::Decimal(text) => unscaled(text, scale),
            CellRef::Int(i) => 10_i128.checked_pow(u32::from(scale.unsigned_abs())).and_then(|p| p.checked_mul(i128::from(i)))
        ),
        Kind::Date => fill!(Date32Builder::with_capacity(n), CellRef::Date(text) => date(text)),
        Kind::Timestamp { zoned } => fill!(
            TimestampMicrosecondBuilder::with_capacity(n).with_data_type(kind.data_type()),
            CellRef::Timestamp(text) => moment(text).filter(|(_, has_zone)| *has_zone == zoned).map(|(micros, _)| micros)
        ),
        Kind::Bytes => fill!(BinaryBuilder::with_capacity(n, n * 16), CellRef::Bytes(bytes) => Some(bytes)),
        Kind::Text => fill!(
            StringBuilder::with_capacity(n, n * 16),
            CellRef::Text(text) | CellRef::Decimal(text) | CellRef::Date(text) | CellRef::Timestamp(text)
                | CellRef::Other(_, text) => Some(text),
            CellRef::Bool(is) => Some(if is { "true" } else { "false" }),
            CellRef::Int(i) => Some(i.to_string()),
            CellRef::Float(f) => Some(f.to_string()),
            CellRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()).to_json().as_str().map(str::to_owned)
        ),
    })
}

/// The float of a whole number, unless it is not the same number.
pub(super) fn exact_float(i: i64) -> Option<f64> {
    let float = i as f64;
    (float as i128 == i128::from(i)).then_some(float)
}

/// The whole number `text * 10^scale`; `None` for what is no plain number, has more places, or too many digits.
pub(super) fn unscaled(text: &str, scale: i8) -> Option<i128> {
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let (mut number, mut seen, mut places) = (0_i128, 0_u8, None::<u8>);
    for byte in digits {
        match (byte, &mut places) {
            (b'0'..=b'9', places) => {
                // Zeros in front are no digits of the number.
                seen += u8::from(seen > 0 || *byte != b'0');
                if seen > DIGITS {
                    return None;
                }
                number = number * 10 + i128::from(byte - b'0');
                if let Some(places) = places {
                    *places = places.saturating_add(1);
                }
            }
            (b'.', none @ None) => *none = Some(0),
            _ => return None,
        }
    }
    let missing = scale.unsigned_abs().checked_sub(places.unwrap_or(0))?;
    if digits.iter().all(|byte| *byte == b'.') || (number != 0 && seen + missing > DIGITS) {
        return None;
    }
    let number = number * 10_i128.checked_pow(u32::from(missing))?;
    Some(if is_negative { -number } else { number })
}

//! The cells of one column: a buffer of one kind, and a bitmap of those that are NULL.
//!
//! The kind is that of the first cell that is not NULL. Where a later one has another (SQLite asks nobody), the column
//! falls back to single cells, so that nothing changes on its way. Invariant: a NULL has a place holder in the buffer
//! (0, false, nothing), so that cell `i` is item `i`.

use crate::value::{CellRef, Value};

/// One column of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cells {
    len: usize,
    /// Bit `i` of byte `i / 8`, least significant first, is set where cell `i` is NULL. Bytes without a set bit may be
    /// missing at the end.
    nulls: Vec<u8>,
    data: Data,
}

/// What the cells hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Data {
    /// Nothing: every cell is NULL.
    #[default]
    Nothing,
    /// Booleans.
    Bools(Vec<bool>),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Binary floating point numbers.
    Floats(Vec<f64>),
    /// What is written as text, all of one kind.
    Texts(TextKind, Packed<String>),
    /// Raw bytes.
    Bytes(Packed<Vec<u8>>),
    /// Cells of several kinds.
    Mixed(Vec<Value>),
}

/// What a text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextKind {
    /// An exact decimal.
    Decimal,
    /// Text.
    Text,
    /// A calendar date.
    Date,
    /// A date and time.
    Timestamp,
    /// Another type of the database, by name.
    Other(String),
}

/// Texts (`String`) or byte strings (`Vec<u8>`) end to end.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed<B> {
    /// Where each item begins, and where the last one ends: one more than items, the first 0, never descending.
    offsets: Vec<u32>,
    data: B,
}

/// About what a cell takes in a guest.
pub(super) fn weight(cell: CellRef<'_>) -> usize {
    CELL_BYTES
        + match cell {
            CellRef::Null | CellRef::Bool(_) | CellRef::Int(_) | CellRef::Float(_) => 0,
            CellRef::Decimal(t) | CellRef::Text(t) | CellRef::Date(t) | CellRef::Timestamp(t) => t.len(),
            CellRef::Bytes(bytes) => bytes.len(),
            CellRef::Other(kind, text) => kind.len() + text.len(),
        }
}

const CELL_BYTES: usize = 16;

impl Cells {
    /// A column of `data`, where cell `i` is NULL if bit `i % 8` of byte `i / 8` of `nulls` is set (least significant
    /// first; bytes that are missing have none).
    pub fn new(nulls: Vec<u8>, data: Data) -> Self {
        let len = match &data {
            Data::Nothing => 0,
            Data::Bools(cells) => cells.len(),
            Data::Ints(cells) => cells.len(),
            Data::Floats(cells) => cells.len(),
            Data::Texts(_, texts) => texts.len(),
            Data::Bytes(items) => items.len(),
            Data::Mixed(cells) => cells.len(),
        };
        Self { len, nulls, data }
    }

    /// Adds a cell.
    pub fn push(&mut self, cell: CellRef<'_>) {
        if cell == CellRef::Null {
            self.data.push_place();
            self.mark_null();
        } else if !self.data.push(cell) {
            self.widen(cell);
        }
        self.len += 1;
    }

    /// Adds a cell that the buffer is not made for: the first that is not NULL, or one of another kind.
    fn widen(&mut self, cell: CellRef<'_>) {
        let mut data = if self.data == Data::Nothing { Data::for_cell(cell) } else { Data::Mixed(Vec::new()) };
        for row in 0..self.len {
            match &mut data {
                Data::Mixed(cells) => cells.push(self.get(row).to_value()),
                buffer => buffer.push_place(),
            }
        }
        data.push(cell);
        self.data = data;
    }

    fn mark_null(&mut self) {
        let byte = self.len / 8;
        if self.nulls.len() <= byte {
            self.nulls.resize(byte + 1, 0);
        }
        self.nulls[byte] |= 1 << (self.len % 8);
    }

    /// One cell; NULL where there is none.
    pub fn get(&self, row: usize) -> CellRef<'_> {
        if self.nulls.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1) {
            return CellRef::Null;
        }
        let cell = match &self.data {
            Data::Nothing => None,
            Data::Bools(cells) => cells.get(row).map(|is| CellRef::Bool(*is)),
            Data::Ints(cells) => cells.get(row).map(|number| CellRef::Int(*number)),
            Data::Floats(cells) => cells.get(row).map(|number| CellRef::Float(*number)),
            Data::Texts(kind, texts) => texts.get(row).map(|text| kind.cell(text)),
            Data::Bytes(items) => items.get(row).map(CellRef::Bytes),
            Data::Mixed(cells) => cells.get(row).map(CellRef::from),
        };
        cell.unwrap_or(CellRef::Null)
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the cells hold, place holders included.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The number of cells, the bitmap of NULLs and what the cells hold, to take over.
    pub fn into_parts(self) -> (usize, Vec<u8>, Data) {
        (self.len, self.nulls, self.data)
    }

    /// About what the cells take in a guest.
    pub(super) fn bytes(&self) -> usize {
        let texts = match &self.data {
            Data::Nothing | Data::Bools(_) | Data::Ints(_) | Data::Floats(_) => 0,
            Data::Texts(TextKind::Other(kind), texts) => kind.len() * self.len + texts.data.len(),
            Data::Texts(_, texts) => texts.data.len(),
            Data::Bytes(items) => items.data.len(),
            Data::Mixed(cells) => return cells.iter().map(|cell| weight(cell.into())).sum(),
        };
        CELL_BYTES * self.len + texts
    }
}

impl Data {
    /// An empty buffer that takes `cell`.
    fn for_cell(cell: CellRef<'_>) -> Self {
        let texts = |kind, text: &str| match u32::try_from(text.len()) {
            Ok(_) => Self::Texts(kind, Packed::default()),
            Err(_) => Self::Mixed(Vec::new()),
        };
        match cell {
            CellRef::Null => Self::Nothing,
            CellRef::Bool(_) => Self::Bools(Vec::new()),
            CellRef::Int(_) => Self::Ints(Vec::new()),
            CellRef::Float(_) => Self::Floats(Vec::new()),
            CellRef::Decimal(text) => texts(TextKind::Decimal, text),
            CellRef::Text(text) => texts(TextKind::Text, text),
            CellRef::Date(text) => texts(TextKind::Date, text),
            CellRef::Timestamp(text) => texts(TextKind::Timestamp, text),
            CellRef::Other(kind, text) => texts(TextKind::Other(kind.to_owned()), text),
            CellRef::Bytes(bytes) if u32::try_from(bytes.len()).is_ok() => Self::Bytes(Packed::default()),
            CellRef::Bytes(_) => Self::Mixed(Vec::new()),
        }
    }

    /// Adds a cell that is not NULL. False when it is of another kind, or the buffer is full.
    fn push(&mut self, cell: CellRef<'_>) -> bool {
        match (self, cell) {
            (Self::Bools(cells), CellRef::Bool(is)) => cells.push(is),
            (Self::Ints(cells), CellRef::Int(number)) => cells.push(number),
            (Self::Floats(cells), CellRef::Float(number)) => cells.push(number),
            (Self::Texts(kind, texts), cell) => return kind.text(cell).is_some_and(|text| texts.push(text)),
            (Self::Bytes(items), CellRef::Bytes(bytes)) => return items.push(bytes),
            (Self::Mixed(cells), cell) => cells.push(cell.to_value()),
            _ => return false,
        }
        true
    }

    /// Adds a place holder.
    fn push_place(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Bools(cells) => cells.push(false),
            Self::Ints(cells) => cells.push(0),
            Self::Floats(cells) => cells.push(0.0),
            Self::Texts(_, texts) => texts.push_nothing(),
            Self::Bytes(items) => items.push_nothing(),
            Self::Mixed(cells) => cells.push(Value::Null),
        }
    }
}

impl TextKind {
    /// The text of `cell`, if it is of this kind.
    fn text<'a>(&self, cell: CellRef<'a>) -> Option<&'a str> {
        match (self, cell) {
            (Self::Decimal, CellRef::Decimal(text))
            | (Self::Text, CellRef::Text(text))
            | (Self::Date, CellRef::Date(text))
            | (Self::Timestamp, CellRef::Timestamp(text)) => Some(text),
            (Self::Other(own), CellRef::Other(kind, text)) if own == kind => Some(text),
            _ => None,
        }
    }

    /// A cell of this kind.
    fn cell<'a>(&'a self, text: &'a str) -> CellRef<'a> {
        match self {
            Self::Decimal => CellRef::Decimal(text),
            Self::Text => CellRef::Text(text),
            Self::Date => CellRef::Date(text),
            Self::Timestamp => CellRef::Timestamp(text),
            Self::Other(kind) => CellRef::Other(kind, text),
        }
    }
}

/// Why offsets do not fit their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackedError {
    /// The first is another, or there is none.
    #[error("its offsets do not begin with 0")]
    Begin,
    /// The last is another.
    #[error("its offsets do not end at the end of the data")]
    End,
    /// An item would end before it begins.
    #[error("its offsets descend")]
    Descending,
    /// A text is cut within a character, or no text at all.
    #[error("a text is not UTF-8")]
    NotText,
}

impl Packed<Vec<u8>> {
    /// Byte strings as somebody else laid them down.
    ///
    /// # Errors
    /// What is wrong with the offsets.
    pub fn new(offsets: Vec<u32>, data: Vec<u8>) -> Result<Self, PackedError> {
        if offsets.first() != Some(&0) {
            return Err(PackedError::Begin);
        }
        if offsets.last().map(|end| *end as usize) != Some(data.len()) {
            return Err(PackedError::End);
        }
        if !offsets.is_sorted() {
            return Err(PackedError::Descending);
        }
        Ok(Self { offsets, data })
    }

    /// The same items as texts.
    ///
    /// # Errors
    /// [`PackedError::NotText`].
    pub fn into_texts(self) -> Result<Packed<String>, PackedError> {
        let Self { offsets, data } = self;
        let data = String::from_utf8(data).map_err(|_| PackedError::NotText)?;
        if offsets.iter().all(|at| data.is_char_boundary(*at as usize)) {
            Ok(Packed { offsets, data })
        } else {
            Err(PackedError::NotText)
        }
    }

    /// Adds an item. False when there is no room for it below 4 GiB.
    #[must_use]
    fn push(&mut self, bytes: &[u8]) -> bool {
        let Ok(end) = u32::try_from(self.data.len() + bytes.len()) else { return false };
        self.data.extend_from_slice(bytes);
        self.offsets.push(end);
        true
    }

    /// One item.
    pub fn get(&self, n: usize) -> Option<&[u8]> {
        let (start, end) = self.ends(n)?;
        self.data.get(start..end)
    }
}

impl Packed<String> {
    /// Adds a text. False when there is no room for it below 4 GiB.
    #[must_use]
    pub fn push(&mut self, text: &str) -> bool {
        let Ok(end) = u32::try_from(self.data.len() + text.len()) else { return false };
        self.data.push_str(text);
        self.offsets.push(end);
        true
    }

    /// One text.
    pub fn get(&self, n: usize) -> Option<&str> {
        let (start, end) = self.ends(n)?;
        self.data.get(start..end)
    }
}

impl<B> Packed<B> {
    /// The number of items.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The offsets and the data, to take over.
    pub fn into_parts(self) -> (Vec<u32>, B) {
        (self.offsets, self.data)
    }

    fn push_nothing(&mut self) {
        // There is always a first one.
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(end);
    }

    fn ends(&self, n: usize) -> Option<(usize, usize)> {
        Some((*self.offsets.get(n)? as usize, *self.offsets.get(n + 1)? as usize))
    }
}

impl<B: Default> Default for Packed<B> {
    fn default() -> Self {
        Self { offsets: vec![0], data: B::default() }
    }
}

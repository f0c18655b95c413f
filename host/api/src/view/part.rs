//! A part of an answer in either of two forms: as a value, or as the JSON that was rendered of it before. Both look the same
//! on the wire; the second is copied there, and its copies in memory share one text.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::error::ApiError;
use crate::etag::unrendered;

/// See the module's note.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Part<T> {
    Value(T),
    Rendered(Rendered),
}

#[derive(Clone)]
pub(crate) struct Rendered(Arc<RawValue>);

impl Serialize for Rendered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Default> Default for Part<T> {
    fn default() -> Self {
        Self::Value(T::default())
    }
}

impl<T: Serialize> Part<T> {
    /// The same in the form that is quick to send.
    pub(crate) fn rendered(self) -> Result<Self, ApiError> {
        let Self::Value(value) = self else { return Ok(self) };
        let text = to_raw_value(&value).map_err(|error| unrendered(&error))?;
        Ok(Self::Rendered(Rendered(Arc::from(text))))
    }
}

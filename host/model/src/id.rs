//! Names and identifiers, validated on construction so that the rest of the house never meets a malformed one.
//! No look-ups here: whether a name *exists* is the catalogue's business.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not a valid identifier. The message is the one the seeds promise for job ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// What was being named, for instance "job id".
        what: &'static str,
    },
    /// A character outside letters, digits, `-` and `_`.
    #[error("{what} contains invalid characters: `{found}` has {bad:?}; allowed are letters, digits, `-` and `_`")]
    InvalidCharacter {
        /// What was being named.
        what: &'static str,
        /// The whole text.
        found: String,
        /// The first character that is not allowed.
        bad: char,
    },
    /// Longer than the store's columns and every URL can bear.
    #[error("{what} is {length} characters long; at most {max} are allowed")]
    TooLong {
        /// What was being named.
        what: &'static str,
        /// Its length in characters.
        length: usize,
        /// The longest allowed.
        max: usize,
    },
    /// Not a run id in the form this program prints.
    #[error("`{0}` is not a run id (13 characters of 0-9 and a-z)")]
    NotARunId(String),
}

const MAX_NAME: usize = 128;

fn check_word(what: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    let length = text.chars().count();
    if length > MAX_NAME {
        return Err(IdError::TooLong { what, length, max: MAX_NAME });
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
        Some(bad) => Err(IdError::InvalidCharacter { what, found: text.to_owned(), bad }),
        None => Ok(()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and keeps it.
            ///
            /// # Errors
            /// [`IdError`] when it is empty, too long or holds other characters than letters, digits, `-`, `_`.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check_word($what, text)?;
                Ok(Self(text.into()))
            }

            /// The name as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// The identifier of a job: letters, digits, `-`, `_` (seeds, create-a-job).
    JobId,
    "job id"
);
name_type!(
    /// The name of a step, unique inside its job.
    StepName,
    "step name"
);
name_type!(
    /// The name of a connector in `connectors.toml`.
    ConnectorName,
    "connector name"
);

/// The identifier of a run: 64 bits, 44 of them milliseconds since 1970, printed as 13 characters of Crockford's
/// base 32 in lower case. Later runs sort after earlier ones, as text and in every index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(u64);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// Bits below the milliseconds, for the caller's counter and randomness.
    pub const LOW_BITS: u32 = 20;

    /// Builds an id from milliseconds since 1970 and the low bits (those above [`RunId::LOW_BITS`] are ignored).
    pub fn from_parts(millis: u64, low: u32) -> Self {
        Self((millis << Self::LOW_BITS) | u64::from(low & ((1 << Self::LOW_BITS) - 1)))
    }

    /// Milliseconds since 1970, when it was made.
    pub fn millis(self) -> u64 {
        self.0 >> Self::LOW_BITS
    }

    /// Reads an id as printed by this program.
    ///
    /// # Errors
    /// [`IdError::NotARunId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bad = || IdError::NotARunId(text.chars().take(40).collect());
        if text.len() != 13 {
            return Err(bad());
        }
        let mut value: u128 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET.iter().position(|c| *c == byte).ok_or_else(bad)?;
            value = value << 5 | digit as u128;
        }
        u64::try_from(value).map(Self).map_err(|_| bad())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for i in (0..13).rev() {
            let digit = (self.0 >> (i * 5)) & 31;
            f.write_char(ALPHABET[digit as usize] as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_takes_letters_digits_dash_and_underscore_only() {
        assert!(JobId::new("nomajde-daily_sync-1").is_ok());
        for bad in ["", "a b", "a.b", "a/b", "é"] {
            assert!(JobId::new(bad).is_err(), "{bad:?}");
        }
        let message = JobId::new("my job").unwrap_err().to_string();
        assert!(message.starts_with("job id contains invalid characters"), "{message}");
    }

    #[test]
    fn run_ids_round_trip_and_sort_by_time_as_text() {
        let a = RunId::from_parts(1_795_000_000_000, 7);
        let b = RunId::from_parts(1_795_000_000_001, 0);
        assert!(a.to_string() < b.to_string());
        assert_eq!(RunId::parse(&a.to_string()), Ok(a));
        assert_eq!(a.millis(), 1_795_000_000_000);
        for bad in ["", "xyz", "zzzzzzzzzzzzz", "0d2m8x7k3q9vI", "0d2m8x7k3q9v22"] {
            assert!(RunId::parse(bad).is_err(), "{bad:?}");
        }
    }
}

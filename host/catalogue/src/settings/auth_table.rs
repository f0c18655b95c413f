//! `[auth]`: how long a sign-in lasts, and what a password must be.

use super::Setting;
use super::layers::Layers;
use crate::finding::Findings;
use crate::reader::Table;

/// How people sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSettings {
    /// `access_minutes`: how long an access token counts.
    pub access_minutes: Setting<u32>,
    /// `refresh_days`: how long a session lasts that is not used.
    pub refresh_days: Setting<u32>,
    /// `password_min_length`: fewest characters of a password.
    pub password_min_length: Setting<u32>,
    /// `tries_per_minute`: sign-ins that may fail per minute for one account.
    pub tries_per_minute: Setting<u32>,
}

/// Reads the table.
pub(super) fn read_auth(table: &mut Table<'_, '_>, layers: &mut Layers<'_>, out: &mut Findings) -> AuthSettings {
    let mut whole = |key, names: &[&str], range| layers.whole(table, key, names, range, out);
    AuthSettings {
        access_minutes: whole("access_minutes", &["NOMAFLOW_AUTH_ACCESS_MINUTES"], (1..=1440, 15)),
        refresh_days: whole("refresh_days", &["NOMAFLOW_AUTH_REFRESH_DAYS"], (1..=365, 7)),
        password_min_length: whole("password_min_length", &["NOMAFLOW_AUTH_PASSWORD_MIN_LENGTH"], (8..=128, 12)),
        tries_per_minute: whole("tries_per_minute", &["NOMAFLOW_AUTH_TRIES_PER_MINUTE"], (3..=1000, 10)),
    }
}

//! Who calls, what they showed, and what that is worth.

use axum::http::StatusCode;
use host_model::access::Permissions;
use host_model::account::TokenHash;
use host_model::run::Trigger;

use super::ADMIN;
use crate::error::ApiError;

/// A signed-in caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account.
    pub user: String,
    /// Its name for people; may be empty.
    pub display_name: String,
    /// `local`, `oidc`, `ldap`, or `token`: how they proved it.
    pub source: &'static str,
    /// What a run of theirs is recorded as triggered by.
    pub trigger: Trigger,
    /// What they may do.
    pub permissions: Permissions,
    /// They may do nothing before they have changed their password.
    pub must_change_password: bool,
    /// Where they call from.
    pub address: String,
    /// What they showed.
    pub(crate) proof: Proof,
}

impl Caller {
    /// The session this call belongs to, unless it came with an API token or the bootstrap token.
    pub fn session_id(&self) -> Option<&str> {
        match &self.proof {
            Proof::Session(id) => Some(id),
            Proof::Bootstrap | Proof::Token(_) => None,
        }
    }

    /// Fails for an API token: what stands for an account is made and ended by its owner, so that a token that was
    /// copied can neither outlive itself nor sign its owner out.
    pub(crate) fn must_be_owner(&self) -> Result<(), ApiError> {
        if !matches!(self.proof, Proof::Token(_)) {
            return Ok(());
        }
        let detail = "an API token does not manage tokens and sessions";
        Err(ApiError::new(StatusCode::FORBIDDEN, "not-with-a-token", detail).with("hint", "sign in with a password"))
    }

    /// Whether the definition of this job may be seen.
    pub(crate) fn may_see(&self, job: &str) -> bool {
        self.permissions.may_see_job(job)
    }
}

/// What a caller showed; good for asking again later whether it still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    Bootstrap,
    /// The id of a session.
    Session(String),
    /// The hash of an API token.
    Token(TokenHash),
}

/// What a proof is worth now.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) user: String,
    pub(crate) display_name: String,
    pub(crate) source: &'static str,
    pub(crate) permissions: Permissions,
    pub(crate) must_change_password: bool,
}

impl Standing {
    pub(super) fn bootstrap() -> Self {
        Self {
            user: ADMIN.to_owned(),
            display_name: String::new(),
            source: "token",
            permissions: Permissions::all(),
            must_change_password: false,
        }
    }
}

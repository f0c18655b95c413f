//! What other processes on the same store change, and nobody tells this one: it asks.

use std::sync::Arc;

use host_api::CatalogueSource as _;

use crate::assemble::Ending;
use crate::keeper::Keeper;
use crate::steward::ApprovalBook;
use crate::vault::book::{REFRESH, SecretBook};

/// Connectors that name a secret are read again when somebody else changed one, and components when somebody else
/// approved one.
pub(crate) fn follow(secrets: Arc<SecretBook>, book: Arc<ApprovalBook>, keeper: Arc<Keeper>) -> Ending {
    Ending(tokio::spawn(async move {
        keeper.note_components().await;
        loop {
            tokio::time::sleep(REFRESH).await;
            match (secrets.refresh().await, book.refresh().await) {
                (Ok(false), Ok(false)) => {}
                (Ok(_), Ok(_)) => drop(keeper.reload().await),
                (Err(error), _) | (_, Err(error)) => {
                    tracing::debug!(%error, "the store could not be asked for changes")
                }
            }
        }
    }))
}

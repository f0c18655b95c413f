//! The task that makes log lines from before there was an index searchable. New lines need none: they are indexed in the
//! transaction that writes them (`host_store`).

use std::sync::Arc;
use std::time::Duration;

use host_model::search::LogSearch;

use crate::assemble::Ending;

/// Indexes log lines from before there was an index, resting as long as each batch took, so that runs go on beside it.
pub(crate) fn index_older(search: Arc<dyn LogSearch>) -> Ending {
    const LINES: u32 = 1_000;
    const LATER: Duration = Duration::from_secs(10);
    Ending(tokio::spawn(async move {
        loop {
            let began = tokio::time::Instant::now();
            match search.index_older(LINES).await {
                Ok(true) => tokio::time::sleep(began.elapsed()).await,
                Ok(false) => break,
                Err(error) => {
                    tracing::debug!(%error, "older log lines could not be indexed; trying again");
                    tokio::time::sleep(LATER).await;
                }
            }
        }
    }))
}

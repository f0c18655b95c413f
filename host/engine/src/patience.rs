//! Outlasting a store that is away for a while: the process stays alive, the work waits, nothing is lost.

use std::future::Future;
use std::time::Duration;

use host_model::port::StoreError;

const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Repeats `work` until the store answers. Only a row that cannot be read ends it early: waiting does not mend it.
pub(crate) async fn until_stored<T, F, Fut>(mut work: F) -> Result<T, StoreError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, StoreError>>,
{
    let mut pause = Duration::from_millis(50);
    loop {
        match work().await {
            Err(StoreError::Unavailable { operation, message }) => {
                tracing::warn!(operation, message, "the store is away; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            other => return other,
        }
    }
}

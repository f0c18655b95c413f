//! Whether any process works on a store: servers and workers give signs of life in it.

use std::path::Path;
use std::time::{Duration, Instant};

use host_engine::{is_owner_alive, owner_id};
use host_store::portable::{PortableError, Sign, signs_of_life};

use super::failure;
use crate::exit::{Exit, Failure};

/// A process of another machine that has given no sign for so long is gone: on a shared store they come every second.
const SILENCE: Duration = Duration::from_secs(6);
const LOOK: Duration = Duration::from_millis(250);

/// Refuses when somebody works on the store.
pub(crate) async fn ensure_unused(url: &str, home: &Path, doing: &'static str) -> Result<(), Failure> {
    let before = match signs_of_life(url, home).await {
        Ok(signs) => living(signs),
        Err(PortableError::Missing { .. }) => return Ok(()),
        Err(error) => return Err(failure(error, doing)),
    };
    if let Some(sign) = before.iter().find(|sign| place(&sign.owner) == place(&owner_id())) {
        return Err(in_use(sign));
    }
    let until = Instant::now() + SILENCE;
    while !before.is_empty() && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        let now = signs_of_life(url, home).await.map_err(|error| failure(error, doing))?;
        let moved = |sign: &&Sign| !before.iter().any(|old| old.owner == sign.owner && old.beat == sign.beat);
        if let Some(sign) = now.iter().find(moved) {
            return Err(in_use(sign));
        }
    }
    Ok(())
}

fn living(signs: Vec<Sign>) -> Vec<Sign> {
    let me = owner_id();
    signs.into_iter().filter(|sign| sign.owner != me && is_owner_alive(&sign.owner)).collect()
}

/// Machine, boot and namespace of a process's name.
fn place(owner: &str) -> Option<&str> {
    owner.rsplitn(3, '/').nth(2)
}

fn in_use(sign: &Sign) -> Failure {
    let lease = if sign.has_lease { " and has the scheduler's lease" } else { "" };
    let at = sign.url.as_deref().map(|url| format!(" at {url}")).unwrap_or_default();
    let text = format!("the store is in use: the {} `{}`{at} is running{lease}", sign.role, sign.owner);
    Failure::new(Exit::RunFailed, text).hint("stop every server and worker on this store first")
}

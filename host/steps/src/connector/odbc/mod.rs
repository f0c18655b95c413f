//! Whatever an ODBC driver reaches, by the driver manager of the machine (unixODBC). Behind the feature `odbc`, because a
//! program that is linked with the driver manager does not start where it is not installed. Calls block, so a connection
//! lives on a thread of its own (`worker`), as with Oracle.
//!
//! Cancel and limits of time: the driver is given the limit as its query timeout, and rows stop coming at once; a call that
//! blocks is left to end with its limit. Read-only: nothing but plain SELECTs by our scanner, and never a commit.

mod fault;
mod value;
mod worker;

use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::{Dialect, Pool};
use host_model::port::Access;
use host_model::{CancelToken, StepError};
use tokio::sync::oneshot;

use super::fault::{Place, canceled};
use super::remote::odbc::Source;
use super::remote::{Link, Marks, Server, Terms};
use worker::Job;

/// One data source.
pub(crate) struct OdbcServer {
    source: Source,
    terms: Terms,
}

impl OdbcServer {
    pub(crate) fn new(text: &str, password: Option<&str>, pool: &Pool) -> Self {
        Self { source: Source::of(text, password), terms: Terms::of(pool) }
    }
}

#[async_trait]
impl Server for OdbcServer {
    fn dialect(&self) -> Dialect {
        Dialect::Odbc
    }

    fn label(&self) -> String {
        self.source.label()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    async fn link(
        &self,
        place: &Place,
        access: Access,
        longest: Option<Duration>,
        cancel: &CancelToken,
    ) -> Result<Link, StepError> {
        let permit = self.terms.acquire(place, access, cancel).await?;
        let wait = self.terms.wait;
        let job = Job {
            source: self.source.text(),
            wait,
            place: place.clone(),
            access,
            limit: self.terms.limit(longest),
            cancel: cancel.clone(),
        };
        let (link, inbox) = Link::new(Marks::Question, place, cancel);
        let (ready, is_ready) = oneshot::channel();
        let thread = std::thread::Builder::new().name("odbc".into()).spawn(move || {
            // Until the connection is really gone.
            let _permit = permit;
            worker::serve(&job, inbox, ready);
        });
        thread.map_err(|e| place.unreachable(e))?;
        tokio::select! {
            answer = tokio::time::timeout(wait, is_ready) => match answer {
                Ok(Ok(connected)) => connected?,
                Ok(Err(_)) => return Err(place.unreachable("the driver broke while it connected")),
                Err(_) => return Err(place.unreachable(format!("no answer within {} s", wait.as_secs()))),
            },
            () = cancel.canceled() => return Err(canceled(cancel)),
        }
        Ok(link)
    }
}

//! Whatever an ODBC driver reaches, by the driver manager of the machine (unixODBC). Behind the feature `odbc`, because a
//! program that is linked with the driver manager does not start where it is not installed. Calls block, so a connection
//! lives on a thread of its own (`worker`), as with Oracle.
//!
//! Cancel: `SQLCancel` from another thread (`current`), as often as it takes; what that means for the server is up to the
//! driver. Limits of time: the driver is given the limit as its query timeout. Read-only: nothing but plain SELECTs by our
//! scanner, and never a commit.

mod current;
mod fault;
mod value;
mod worker;

use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::{Dialect, Pool};
use host_model::port::Access;
use host_model::{CancelToken, StepError};

use super::fault::Place;
use super::remote::odbc::Source;
use super::remote::thread::{Opening, open};
use super::remote::{Link, Marks, Server};
use super::terms::Terms;
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
        let job = Job {
            source: self.source.text(),
            wait: self.terms.wait,
            place: place.clone(),
            access,
            limit: self.terms.limit(longest),
            cancel: cancel.clone(),
        };
        let opening = Opening { name: "odbc", marks: Marks::Question, place, access, cancel };
        open(&self.terms, opening, move |inbox, ready| worker::serve(&job, inbox, ready)).await
    }
}

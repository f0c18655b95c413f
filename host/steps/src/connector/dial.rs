//! Making a connection. One that breaks while it is made has carried nothing yet, so it is made again until the pool's
//! waiting time is over: a server that hangs up because it is busy or comes back behind its balancer costs a moment and not
//! the step. A plain no (a closed port, a wrong password, a certificate) is told at once.

use std::io;
use std::time::Duration;

use host_model::{CancelToken, StepError};
use tokio::time::{Instant, sleep, timeout_at};

use super::fault::{Place, canceled};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why one try came to nothing.
pub(crate) struct Refusal {
    pub(crate) error: StepError,
    /// The other side hung up, or said that it is only just coming or going.
    pub(crate) has_hung_up: bool,
}

impl Refusal {
    /// One that another try would not change.
    pub(crate) fn plain(error: StepError) -> Self {
        Self { error, has_hung_up: false }
    }
}

/// Makes a connection by `attempt`, once or more often within `wait`.
///
/// # Errors
/// That of the last try; `canceled` as soon as the step is; `remote` for a server that accepts and says nothing.
pub(crate) async fn dial<C, F>(
    wait: Duration,
    place: &Place,
    cancel: &CancelToken,
    mut attempt: impl FnMut() -> F,
) -> Result<C, StepError>
where
    F: Future<Output = Result<C, Refusal>>,
{
    let until = Instant::now() + wait;
    let (mut tries, mut pause) = (1_u32, FIRST_PAUSE);
    loop {
        let made = tokio::select! {
            made = timeout_at(until, attempt()) => made,
            () = cancel.canceled() => return Err(canceled(cancel)),
        };
        let Refusal { mut error, has_hung_up } = match made {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(refusal)) => refusal,
            Err(_) => return Err(place.unreachable(format!("no answer within {} s", wait.as_secs_f64()))),
        };
        if !has_hung_up || Instant::now() + pause >= until {
            if tries > 1 {
                error.message.push_str(&format!("; {tries} tries within {} s", wait.as_secs_f64()));
            }
            return Err(error);
        }
        tracing::debug!(connector = %place.connector, tries, error = %error, "a connection broke while it was made");
        tokio::select! {
            () = sleep(pause) => {}
            () = cancel.canceled() => return Err(canceled(cancel)),
        }
        (tries, pause) = (tries + 1, (pause * 2).min(LONGEST_PAUSE));
    }
}

/// Whether the other side closed the connection.
pub(crate) fn is_hang_up(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(kind, K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof)
}

/// The same of PostgreSQL and MySQL, which may also say so: `cannot_connect_now`, and the class of a broken connection.
pub(crate) fn has_hung_up(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(io) => is_hang_up(io.kind()),
        sqlx::Error::Database(refusal) => matches!(refusal.code().as_deref(), Some("57P03" | "08S01")),
        other => closed_when_asked_for_tls(other),
    }
}

/// What the driver makes of a PostgreSQL server that closes in place of saying whether it has TLS: it takes the byte that
/// did not come for a 0, which no server says.
pub(crate) fn closed_when_asked_for_tls(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Protocol(text) if text.contains("response from SSLRequest: 0x00"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn place() -> Place {
        Place { connector: "erp".into(), label: "mysql://u@h:3306/d".into() }
    }

    fn hung_up() -> Refusal {
        Refusal { error: place().unreachable("closed"), has_hung_up: true }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_while_it_is_made_is_made_again() {
        let tries = Cell::new(0);
        let attempt = || {
            tries.set(tries.get() + 1);
            let number = tries.get();
            async move { if number < 4 { Err(hung_up()) } else { Ok(number) } }
        };
        let made = dial(Duration::from_secs(30), &place(), &CancelToken::new(), attempt).await;
        assert_eq!((made.unwrap(), tries.get()), (4, 4));
    }

    #[tokio::test]
    async fn a_plain_no_is_told_at_once() {
        let tries = Cell::new(0);
        let attempt = || {
            tries.set(tries.get() + 1);
            async { Err::<(), _>(Refusal::plain(place().unreachable("wrong password"))) }
        };
        let error = dial(Duration::from_secs(30), &place(), &CancelToken::new(), attempt).await.unwrap_err();
        assert_eq!(tries.get(), 1);
        assert!(error.message.ends_with("wrong password"), "{error}");
    }

    #[tokio::test]
    async fn it_is_given_up_within_the_waiting_time_and_on_cancel() {
        let wait = Duration::from_millis(400);
        let attempt = || async { Err::<(), _>(hung_up()) };
        let error = dial(wait, &place(), &CancelToken::new(), attempt).await.unwrap_err();
        assert!(error.message.contains("closed; ") && error.message.ends_with("tries within 0.4 s"), "{error}");
        let silent = || std::future::pending::<Result<(), Refusal>>();
        let error = dial(wait, &place(), &CancelToken::new(), silent).await.unwrap_err();
        assert!(error.message.ends_with("no answer within 0.4 s"), "{error}");
        let cancel = CancelToken::new();
        cancel.cancel("enough");
        for error in [
            dial(Duration::from_secs(600), &place(), &cancel, silent).await.unwrap_err(),
            dial(Duration::from_secs(600), &place(), &cancel, attempt).await.unwrap_err(),
        ] {
            assert_eq!(error.message, "enough");
        }
    }
}

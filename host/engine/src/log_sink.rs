//! Log lines on their way to the store: numbered per run, batched, in order, bounded. Producers wait while the sink is
//! full; the sink waits while the store is away; so memory is bounded and a normal stop loses nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use host_model::event::Event;
use host_model::log::{LogLevel, LogLine};
use host_model::port::Store;
use host_model::{Instant, JobId, RunId, StepName};
use tokio::sync::{mpsc, oneshot};

use crate::bus::Bus;
use crate::patience::Patience;

/// Lines that may wait for the store.
const QUEUE: usize = 4096;
/// Lines written at once.
const BATCH: usize = 1000;
/// How long a line may wait for company.
const LINGER: Duration = Duration::from_millis(50);
/// Longest line kept whole, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// Bytes in one event: listeners are bounded by events, so a batch of long lines must not be one of them.
const EVENT_BYTES: usize = 64 * 1024;

/// A line without its number.
pub(crate) struct NewLine {
    pub(crate) job_id: JobId,
    pub(crate) run_id: RunId,
    pub(crate) at: Instant,
    pub(crate) level: LogLevel,
    pub(crate) step: Option<StepName>,
    pub(crate) attempt: u32,
    pub(crate) message: String,
}

enum Message {
    /// The run has no line yet.
    Begin(RunId),
    Line(NewLine),
    /// Write all of a run's lines and forget its counter.
    Finish(RunId, oneshot::Sender<()>),
}

/// The producer's end.
#[derive(Clone)]
pub(crate) struct LogSink(mpsc::Sender<Message>);

impl LogSink {
    /// The sink and its writer, which ends when every `LogSink` is dropped and everything is written.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        bus: Arc<Bus>,
        patience: Patience,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (tx, rx) = mpsc::channel(QUEUE);
        let writer = Writer { store, bus, patience, next: HashMap::new() };
        (Self(tx), writer.run(rx))
    }

    /// Says that `run` is taken up for the first time, which spares a look for the lines it has.
    pub(crate) async fn begin(&self, run: RunId) {
        let _ = self.0.send(Message::Begin(run)).await;
    }

    /// Adds a line; line breaks split it. Waits while the sink is full.
    pub(crate) async fn write(&self, line: NewLine) {
        for text in line.message.lines().map(str::trim_end).filter(|l| !l.is_empty()) {
            let one = NewLine { job_id: line.job_id.clone(), step: line.step.clone(), message: shorten(text), ..line };
            // The writer ends only after every sender is gone.
            let _ = self.0.send(Message::Line(one)).await;
        }
    }

    /// Returns once every line of `run` so far is in the store.
    pub(crate) async fn finish(&self, run: RunId) {
        let (tx, rx) = oneshot::channel();
        if self.0.send(Message::Finish(run, tx)).await.is_ok() {
            let _ = rx.await;
        }
    }
}

fn shorten(text: &str) -> String {
    if text.len() <= MAX_LINE {
        return text.to_owned();
    }
    let cut = (0..=MAX_LINE).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{} … ({} bytes cut)", &text[..cut], text.len() - cut)
}

struct Writer {
    store: Arc<dyn Store>,
    bus: Arc<Bus>,
    patience: Patience,
    /// Next number of each run in flight.
    next: HashMap<RunId, u64>,
}

impl Writer {
    async fn run(mut self, mut rx: mpsc::Receiver<Message>) {
        let mut inbox = Vec::with_capacity(BATCH);
        while rx.recv_many(&mut inbox, BATCH).await > 0 {
            let hurried = |inbox: &[Message]| inbox.iter().any(|m| matches!(m, Message::Finish(..)));
            let deadline = tokio::time::Instant::now() + LINGER;
            while inbox.len() < BATCH && !hurried(&inbox) {
                let room = BATCH - inbox.len();
                match tokio::time::timeout_at(deadline, rx.recv_many(&mut inbox, room)).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => break,
                }
            }
            self.write(std::mem::take(&mut inbox)).await;
        }
    }

    async fn write(&mut self, inbox: Vec<Message>) {
        let mut lines = Vec::with_capacity(inbox.len());
        let mut jobs = HashMap::new();
        let mut finished = Vec::new();
        for message in inbox {
            match message {
                Message::Begin(run) => {
                    self.next.entry(run).or_insert(0);
                }
                Message::Line(new) => {
                    let seq = self.number(new.run_id).await;
                    jobs.entry(new.run_id).or_insert(new.job_id);
                    lines.push(LogLine {
                        run_id: new.run_id,
                        seq,
                        at: new.at,
                        level: new.level,
                        step: new.step,
                        attempt: new.attempt,
                        message: new.message,
                    });
                }
                Message::Finish(run, done) => finished.push((run, done)),
            }
        }
        if !lines.is_empty() {
            if let Err(error) = self.patience.until_stored(|| self.store.append_logs(&lines)).await {
                tracing::error!(%error, lines = lines.len(), "log lines could not be stored");
            }
            self.publish(lines, &jobs);
        }
        for (run, done) in finished {
            self.next.remove(&run);
            let _ = done.send(());
        }
    }

    /// The number of the next line of `run`; a run taken up again goes on where its log ends.
    async fn number(&mut self, run: RunId) -> u64 {
        let next = match self.next.get(&run) {
            Some(next) => *next,
            None => self.patience.until_stored(|| self.store.count_logs(run)).await.unwrap_or(0),
        };
        self.next.insert(run, next + 1);
        next
    }

    fn publish(&self, lines: Vec<LogLine>, jobs: &HashMap<RunId, JobId>) {
        let mut by_run: Vec<(RunId, Vec<LogLine>)> = Vec::new();
        for line in lines {
            let room = |group: &[LogLine]| group.iter().map(|l| l.message.len()).sum::<usize>() < EVENT_BYTES;
            match by_run.iter_mut().rev().find(|(run, _)| *run == line.run_id).filter(|(_, group)| room(group)) {
                Some((_, group)) => group.push(line),
                None => by_run.push((line.run_id, vec![line])),
            }
        }
        for (run_id, group) in by_run {
            if let Some(job_id) = jobs.get(&run_id).cloned() {
                self.bus.publish(Event::Log { job_id, run_id, lines: group.into() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_between_characters_and_says_how_much_is_gone() {
        let text = format!("a{}", "é".repeat(MAX_LINE));
        let short = shorten(&text);
        assert!(short.len() < MAX_LINE + 40 && short.starts_with("aéé"), "{}", short.len());
        assert!(short.ends_with(&format!("({} bytes cut)", text.len() - (MAX_LINE - 1))), "{}", &short[MAX_LINE - 8..]);
        assert_eq!(shorten("as it is"), "as it is");
    }
}

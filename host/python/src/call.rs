//! One step on one worker, from the call to its end, with the cancel ladder beside it.
//!
//! Cancel, terms and times: at the cancel (an operator's, a timeout's, a shutdown's) the worker gets SIGUSR1, which
//! cancels the task of an `async def` and raises in plain code; after [`GRACE`] a second one, which raises in a task that
//! blocks in plain code; after another [`GRACE`] the whole process group is killed, which no C loop and no blocked driver
//! survives. All this takes less than the 2 s that the house promises, and goes on whatever else is waited for here:
//! the ladder and the conversation are two futures, and the first to complete decides.

use std::process::ExitStatus;
use std::time::Duration;

use host_model::log::LogLevel;
use host_model::port::StepContext;
use host_model::{JsonMap, StepErrorKind};
use serde::Deserialize;
use serde_json::json;

use crate::frame::Outgoing;
use crate::limits;
use crate::process::{Handle, Worker};
use crate::question::{Hidden, PythonServices, Question, Questions};

/// Time for the code to react to each signal.
const GRACE: Duration = Duration::from_millis(700);

/// How a call ended.
pub(crate) enum Ended {
    /// The callable returned this.
    Returned { output: JsonMap, after: After },
    /// It raised, or could not be called.
    Raised { kind: StepErrorKind, message: String, detail: String, after: After },
    /// The worker holds old plugin code and has not begun.
    Stale,
    /// The process ended before the callable did.
    Died(Option<ExitStatus>),
    /// The ladder came to its last rung.
    Killed,
    /// It used more than it may, and was killed.
    OverLimit(String),
}

/// What the worker says about itself after a step.
#[derive(Deserialize)]
pub(crate) struct After {
    /// Signals that reached the step.
    pub(crate) signals: u32,
    /// What the step left behind in the process.
    pub(crate) leftovers: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Message {
    Log {
        level: i64,
        text: String,
    },
    Progress {
        done: u64,
        total: Option<u64>,
        note: String,
    },
    Done {
        output: Option<JsonMap>,
        #[serde(default)]
        kind: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        detail: String,
        #[serde(flatten)]
        after: After,
    },
    Stale,
    Forget {
        number: u32,
    },
    Close {
        cursor: u64,
    },
}

/// What a call may use.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub(crate) services: &'a PythonServices,
    /// Most bytes of memory of the step's processes together.
    pub(crate) memory: Option<u64>,
}

/// Runs `callable` on `worker`. The worker may be used again only after `Returned` or `Raised`, and only when
/// [`After`] has nothing to say. Secrets that were handed out are in none of the words that come back.
pub(crate) async fn run(worker: &mut Worker, callable: &str, ctx: &StepContext, means: Means<'_>) -> Ended {
    let handle = worker.handle();
    let hidden = Hidden::default();
    let ended = tokio::select! {
        biased;
        ended = converse(worker, callable, ctx, means, &hidden) => ended,
        () = stop(handle, ctx) => Ended::Killed,
        why = limits::exceeded(handle.pid(), means.memory) => {
            handle.kill();
            Ended::OverLimit(why)
        }
    };
    match ended {
        Ended::Returned { output, after } => Ended::Returned { output: hidden.blot_output(output), after },
        Ended::Raised { kind, message, detail, after } => {
            Ended::Raised { kind, message: hidden.blot(message), detail: hidden.blot(detail), after }
        }
        other => other,
    }
}

async fn stop(worker: Handle, ctx: &StepContext) {
    ctx.cancel.canceled().await;
    for _ in 0..2 {
        worker.interrupt();
        tokio::time::sleep(GRACE).await;
    }
    worker.kill();
}

async fn converse(worker: &mut Worker, callable: &str, ctx: &StepContext, means: Means<'_>, hidden: &Hidden) -> Ended {
    let say = Say { ctx, hidden };
    // What an earlier step's leftovers wrote since belongs to nobody.
    worker.stdout.drain();
    worker.stderr.drain();
    worker.steps += 1;
    let mut questions = Questions::new(ctx, means.services, hidden, means.memory);
    let mut outgoing = Outgoing::default();
    outgoing.append(0, call_message(callable, ctx).as_bytes(), None);
    let ended = loop {
        tokio::select! {
            frame = worker.reader.next() => {
                // A socket error and a frame that is none are told from the end of the worker by its status.
                let Ok(Some((number, body))) = frame else { break None };
                if number > 0 {
                    let Ok(question) = serde_json::from_slice::<Question>(&body) else { break None };
                    questions.ask(number, question);
                    continue;
                }
                match serde_json::from_slice(&body) {
                    Ok(Message::Log { level, text }) => say.line(level_of(level), text).await,
                    Ok(Message::Progress { done, total, note }) => say.progress(done, total, note),
                    Ok(Message::Forget { number }) => questions.forget(number),
                    Ok(Message::Close { cursor }) => questions.close(cursor),
                    Ok(Message::Stale) => break Some(Ended::Stale),
                    Ok(Message::Done { output: Some(output), after, .. }) => break Some(Ended::Returned { output, after }),
                    Ok(Message::Done { output: None, kind, message, detail, after }) => {
                        let kind = StepErrorKind::parse(&kind).unwrap_or(StepErrorKind::Failed);
                        break Some(Ended::Raised { kind, message, detail, after });
                    }
                    Err(error) => {
                        tracing::error!(step.name = %ctx.step, %error, "a python worker sent a message that is none");
                        break None;
                    }
                }
            }
            Some((number, answer)) = questions.next() => outgoing.append(number, &answer.body, answer.file),
            written = outgoing.write(&worker.writer), if !outgoing.is_empty() => {
                if written.is_err() {
                    // The reading side tells how the worker ended.
                    outgoing = Outgoing::default();
                }
            }
            lines = worker.stdout.lines() => say.lines(LogLevel::Info, lines).await,
            lines = worker.stderr.lines() => say.lines(LogLevel::Warning, lines).await,
        }
    };
    drop(questions);
    let ended = match ended {
        Some(ended) => ended,
        None => Ended::Died(worker.end().await),
    };
    say.lines(LogLevel::Info, worker.stdout.drain()).await;
    say.lines(LogLevel::Warning, worker.stderr.drain()).await;
    ended
}

/// What the step says, on its way to the run's log.
struct Say<'a> {
    ctx: &'a StepContext,
    hidden: &'a Hidden,
}

impl Say<'_> {
    async fn lines(&self, level: LogLevel, lines: Vec<String>) {
        for line in lines {
            self.line(level, line).await;
        }
    }

    async fn line(&self, level: LogLevel, text: String) {
        if level > LogLevel::Debug || self.ctx.log_level == LogLevel::Debug {
            self.ctx.voice.log(level, &self.hidden.blot(text)).await;
        }
    }

    fn progress(&self, done: u64, total: Option<u64>, note: String) {
        self.ctx.voice.progress(done, total, &self.hidden.blot(note));
    }
}

/// The levels of Python's `logging` are numbers, and authors make their own in between.
fn level_of(number: i64) -> LogLevel {
    match number {
        ..20 => LogLevel::Debug,
        20..30 => LogLevel::Info,
        30..40 => LogLevel::Warning,
        40.. => LogLevel::Error,
    }
}

fn call_message(callable: &str, ctx: &StepContext) -> String {
    let results: JsonMap = (ctx.results.iter())
        .map(|(name, result)| (name.to_string(), json!({"status": result.status.as_str(), "output": result.output})))
        .collect();
    json!({
        "callable": callable,
        "run_id": ctx.run_id.to_string(),
        "job_id": ctx.job_id.as_str(),
        "app": ctx.app,
        "step": ctx.step.as_str(),
        "attempt": ctx.attempt,
        "triggered_by": ctx.triggered_by,
        "scheduled_at": ctx.scheduled_at.to_rfc3339(),
        "log_level": ctx.log_level.as_str(),
        "params": ctx.params,
        "own_keys": ctx.own_keys,
        "results": results,
    })
    .to_string()
}

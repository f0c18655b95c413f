//! `http`: one request, or the pages of one; the response becomes the step's output. The far side may be anything, so
//! redirects, sizes and times are bounded, and what a message shows of the URL holds no credentials and no query values.
//!
//! `wire` sends, `response` reads, `pages` goes from page to page, `pick` looks into the JSON that
//! `exact` has read. `client` is the one for plugins; `reach` and `redirect` serve both.

mod client;
mod exact;
mod pages;
mod pick;
mod reach;
mod redirect;
mod response;
mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::job::spec::{HttpSpec, Pagination};
use host_model::port::{StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{Json, JsonMap, StepError, StepSpec};
use reqwest::{Client, Request, Url};

pub use client::PluginHttp;

use crate::run_files::RunFiles;
use pages::Gathered;
use pick::pick;
use response::{Answer, Budget, KEPT_BODY, Reading};
use wire::Wire;

const CONNECT_WITHIN: Duration = Duration::from_secs(30);

/// Runs `http` steps, over one client with its own pool of connections; a step with a proxy, authorities or limits of its
/// own gets a client of its own.
pub struct HttpRunner {
    client: Client,
    home: PathBuf,
    files: RunFiles,
}

impl HttpRunner {
    /// A runner with the machine's certificate authorities; `home` is where `ca_file` and the files of runs are.
    ///
    /// # Errors
    /// `crashed` when TLS cannot be set up on this machine.
    pub fn new(home: &Path) -> Result<Self, StepError> {
        Ok(Self { client: wire::client(None, home)?, home: home.to_owned(), files: RunFiles::new(home) })
    }
}

#[async_trait]
impl StepRunner for HttpRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::Http(spec) = spec else {
            return Err(crate::wrong_runner("http", spec).into());
        };
        let wire = Wire::new(spec, &self.client, &self.home)?;
        let request = wire.request(spec)?;
        let call = Call { wire, spec, ctx, files: &self.files };
        let work = async {
            match &spec.pagination {
                None => call.once(request).await,
                Some(pages) => call.in_pages(request, pages).await,
            }
        };
        let output = tokio::select! {
            output = work => output?,
            // Dropping the exchange closes its connection.
            () = ctx.cancel.canceled() => return Err(crate::connector::fault::canceled(&ctx.cancel).into()),
        };
        Ok(StepOutcome { output, rows_affected: None, usage: None })
    }
}

/// One attempt of a step.
struct Call<'a> {
    wire: Wire,
    spec: &'a HttpSpec,
    ctx: &'a StepContext,
    files: &'a RunFiles,
}

impl Call<'_> {
    /// One request, whose answer is the output.
    async fn once(&self, request: Request) -> Result<JsonMap, StepError> {
        let what = describe(&request);
        self.ctx.info(&what).await;
        let mut budget = Budget::new(self.spec.max_response_bytes);
        let answer = self.exchange(request, &what, &mut budget).await?;
        let (status, took) = (answer.status, answer.elapsed.as_millis());
        self.ctx.info(format!("{what} answered {status} in {took} ms, {} bytes", answer.bytes)).await;
        let mut output = answer.head();
        match &self.spec.pick {
            Some(path) => {
                let json = answer.json(&what)?;
                self.keep_json(picked(&json, path, &what)?.clone(), &mut output).await?;
            }
            None => match answer.decoded() {
                Some(body) => drop(output.insert("body".to_owned(), body)),
                None => {
                    let file = answer.into_file(self.files, self.ctx).await?;
                    output.insert("body_bytes".to_owned(), file.bytes().into());
                    let path = file.finish().await?;
                    self.ctx.info(format!("the body is in {}", path.display())).await;
                    output.insert("body_file".to_owned(), path.display().to_string().into());
                }
            },
        }
        Ok(output)
    }

    /// What was picked goes where a body of its size goes.
    async fn keep_json(&self, json: Json, output: &mut JsonMap) -> Result<(), StepError> {
        let text = json.to_string();
        if text.len() <= KEPT_BODY {
            output.insert("body".to_owned(), json);
            return Ok(());
        }
        let mut file = self.files.create(self.ctx, "json").await?;
        file.write(text.as_bytes()).await?;
        output.insert("body_bytes".to_owned(), file.bytes().into());
        output.insert("body_file".to_owned(), file.finish().await?.display().to_string().into());
        Ok(())
    }

    /// Page after page, whose items are the output.
    async fn in_pages(&self, first: Request, pages: &Pagination) -> Result<JsonMap, StepError> {
        let what = describe(&first);
        self.ctx.info(format!("{what}, in pages")).await;
        let mut budget = Budget::new(self.spec.max_response_bytes);
        let mut gathered = Gathered::new(self.files, self.ctx);
        let mut url = pages::first(first.url(), &pages.by);
        let begun = Instant::now();
        for number in 0..pages.max_pages {
            let mut request =
                first.try_clone().ok_or_else(|| StepError::definition("the body cannot be sent twice"))?;
            *request.url_mut() = url.clone();
            let answer = self.exchange(request, &what, &mut budget).await?;
            let json = answer.json(&what)?;
            let items = match self.spec.pick.as_deref() {
                Some(path) => picked(&json, path, &what)?,
                None => &json,
            };
            let Json::Array(items) = items else {
                let place = self.spec.pick.as_deref().map_or("the body".to_owned(), |path| format!("`{path}`"));
                let text = format!("{what}: {place} of page {} is no list of items", number + 1);
                return Err(StepError::remote(text));
            };
            let next = pages::next(&url, &pages.by, number, &answer.headers, &json, items.len())
                .map_err(|error| StepError { message: format!("{what}: {}", error.message), ..error })?;
            gathered.add(items.clone()).await?;
            self.ctx.voice.progress(gathered.count(), None, "items");
            self.ctx.debug(format!("page {}: {} items", number + 1, items.len())).await;
            match next {
                Some(next) => url = next,
                None => {
                    let (count, took) = (gathered.count(), begun.elapsed().as_millis());
                    self.ctx.info(format!("{what}: {count} items in {} pages, {took} ms", number + 1)).await;
                    let mut output = answer.head();
                    output.insert("elapsed_ms".to_owned(), u64::try_from(took).unwrap_or(u64::MAX).into());
                    output.insert("pages".to_owned(), (number + 1).into());
                    gathered.into_output(&mut output).await?;
                    return Ok(output);
                }
            }
        }
        let text = format!("{what}: there are more than {} pages (`max_pages`)", pages.max_pages);
        Err(StepError { may_retry: false, ..StepError::remote(text) })
    }

    /// Sends a request and reads its answer; an unexpected status is a failure.
    async fn exchange(&self, request: Request, what: &str, budget: &mut Budget) -> Result<Answer, StepError> {
        let work = async {
            let begun = Instant::now();
            let response = self.wire.send(request).await?;
            let is_expected = is_expected(self.spec, response.status().as_u16());
            let how = match (is_expected, &self.spec.pagination, &self.spec.pick) {
                (false, ..) => Reading::Beginning,
                (true, None, None) => Reading::File(self.files, self.ctx),
                (true, ..) => Reading::Json,
            };
            let answer = Answer::read(response, how, budget, begun, what).await?;
            if is_expected { Ok(answer) } else { Err(answer.refusal(what)) }
        };
        match self.spec.request_timeout_seconds.map(|seconds| Duration::from_secs(seconds.into())) {
            None => work.await,
            Some(within) => {
                tokio::time::timeout(within, work).await.unwrap_or_else(|_| Err(wire::too_slow(what, within)))
            }
        }
    }
}

fn describe(request: &Request) -> String {
    format!("{} {}", request.method(), shown(request.url()))
}

fn picked<'j>(json: &'j Json, path: &str, what: &str) -> Result<&'j Json, StepError> {
    pick(json, path).ok_or_else(|| StepError::remote(format!("{what}: the answer has nothing at `{path}`")))
}

fn is_expected(spec: &HttpSpec, status: u16) -> bool {
    if spec.expected_statuses.is_empty() {
        (200..300).contains(&status)
    } else {
        spec.expected_statuses.contains(&status)
    }
}

/// The URL as messages show it: where, not with what.
fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    // Only a URL without a host refuses; such a one has no credentials either.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    plain.set_query(None);
    if url.query().is_some() { format!("{plain}?…") } else { plain.to_string() }
}

/// An error with its causes; the outermost text alone is "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_credentials_and_query_values() {
        let url = Url::parse("https://bob:s3cret@api.example.com:8443/v1/x?token=abc#frag").unwrap();
        assert_eq!(shown(&url), "https://api.example.com:8443/v1/x?…");
    }
}

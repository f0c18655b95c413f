//! The log of one run as a file: text or one JSON object a line, whole or filtered, plain or compressed. A piece is read when
//! the one before it has gone out, so the length does not matter.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use host_model::log::LogLine;
use serde::Deserialize;
use utoipa::IntoParams;

use super::logs::{find, read_filter};
use crate::App;
use crate::error::{ApiError, Id};
use crate::view::instant;
use crate::view::run::LineView;

/// Lines read at once.
const PIECE: u32 = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DownloadQuery {
    /// `txt`, the default, or `ndjson`.
    format: Option<String>,
    /// Lines of these steps, separated by commas.
    step: Option<String>,
    /// This level and those above it.
    level: Option<String>,
    /// Lines of this attempt.
    attempt: Option<u32>,
    /// `steps`: written by a step; `run`: by Nomaflow about the run.
    origin: Option<String>,
    /// Compressed.
    #[serde(default)]
    gzip: bool,
    /// To be shown in the browser, not kept as a file.
    #[serde(default)]
    inline: bool,
}

#[derive(Clone, Copy)]
enum Format {
    Txt,
    Ndjson,
}

/// The log as a file, however long it is: a piece is read when the one before it has gone out.
#[utoipa::path(get, path = "/admin/jobs/runs/{id}/logs/download", tag = "logs",
    params(("id" = String, Path, description = "A run"), DownloadQuery),
    responses((status = 200, content((String = "text/plain"), (String = "application/x-ndjson"), (String = "application/gzip")))))]
pub(crate) async fn download(
    State(app): State<App>,
    Id(id): Id,
    query: Result<Query<DownloadQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let run = find(&app, &id).await?;
    let filter = read_filter(query.level.as_ref(), query.step.as_ref(), query.attempt, query.origin.as_ref())?;
    let (format, ending, kind) = match query.format.as_deref() {
        None | Some("" | "txt") => (Format::Txt, "log", "text/plain; charset=utf-8"),
        Some("ndjson") => (Format::Ndjson, "ndjson", "application/x-ndjson"),
        Some(other) => {
            return Err(ApiError::invalid(format!("format is `{other}`; allowed are `txt` and `ndjson`")));
        }
    };
    // Ids and names are words, so nothing needs quoting.
    let step = if let [step] = filter.steps.as_slice() { format!("_{step}") } else { String::new() };
    let (kind, zip) = if query.gzip { ("application/gzip", ".gz") } else { (kind, "") };
    let how = if query.inline { "inline" } else { "attachment" };
    let name = format!("{how}; filename=\"{}_{}{step}.{ending}{zip}\"", run.job_id, run.id);
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let packer = query.gzip.then(Packer::default);
    let pieces = stream::try_unfold((Some(0), packer), move |(from, mut packer)| {
        let (app, filter) = (app.clone(), filter.clone());
        async move {
            let Some(from) = from else { return Ok(None) };
            // A failure breaks the connection off, so that nobody takes a part for the whole.
            let lines = app.history.list_lines(run.id, from, PIECE, &filter).await.map_err(io::Error::other)?;
            let next = lines.last().map(|last| last.seq + 1);
            let piece = match (&mut packer, next) {
                (None, None) => return Ok(None),
                (None, Some(_)) => render(&lines, format),
                (Some(packer), Some(_)) => packer.add(&render(&lines, format))?,
                (Some(packer), None) => packer.end()?,
            };
            Ok::<_, io::Error>(Some((piece, (next, packer))))
        }
    });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// Compresses piece by piece.
struct Packer(GzEncoder<Vec<u8>>);

impl Default for Packer {
    fn default() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }
}

impl Packer {
    fn add(&mut self, piece: &[u8]) -> io::Result<Bytes> {
        self.0.write_all(piece)?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }

    fn end(&mut self) -> io::Result<Bytes> {
        self.0.try_finish()?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }
}

fn render(lines: &[LogLine], format: Format) -> Bytes {
    let mut text = String::new();
    for line in lines {
        match format {
            Format::Txt => {
                let step = line.step.as_ref().map(|step| format!(" [{step}]")).unwrap_or_default();
                text += &format!("{} {:<7}{step} {}\n", instant(line.at), line.level.as_str(), line.message);
            }
            // Strings and numbers always render.
            Format::Ndjson => {
                text += &serde_json::to_string(&LineView::from(line)).unwrap_or_default();
                text.push('\n');
            }
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_packed_piece_by_piece_unpacks_to_the_same() {
        let mut packer = Packer::default();
        let mut packed = Vec::new();
        for n in 0..2000 {
            packed.extend(packer.add(format!("line {n}\n").as_bytes()).unwrap());
        }
        packed.extend(packer.end().unwrap());
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert!(text.lines().enumerate().all(|(n, line)| line == format!("line {n}")) && text.lines().count() == 2000);
    }
}

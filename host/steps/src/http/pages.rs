//! An answer in pages: where the next one is, and their items gathered, in memory while they are small and in a file of
//! the run when they are not.

use host_model::job::spec::PageBy;
use host_model::port::StepContext;
use host_model::{Json, JsonMap, StepError};
use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

use super::pick::pick;
use super::response::KEPT_BODY;
use super::shown;
use crate::run_files::{RunFile, RunFiles};

/// The URL of the first page.
pub(super) fn first(url: &Url, by: &PageBy) -> Url {
    match by {
        PageBy::Page { param, first } => with_param(url, param, &first.to_string()),
        PageBy::Link | PageBy::Cursor { .. } => url.clone(),
    }
}

/// The URL of the page after number `number` (from 0), which was at `here` and had `count` items.
pub(super) fn next(
    here: &Url,
    by: &PageBy,
    number: u32,
    headers: &HeaderMap,
    json: &Json,
    count: usize,
) -> Result<Option<Url>, StepError> {
    let bad = |text: &str| StepError::remote(format!("`{text}` is no URL of a next page"));
    let next = match by {
        PageBy::Link => match linked(headers) {
            Some(text) => Some(here.join(&text).map_err(|_| bad(&text))?),
            None => None,
        },
        PageBy::Cursor { cursor, param } => {
            let text = match pick(json, cursor) {
                None | Some(Json::Null | Json::Bool(false)) => None,
                Some(Json::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
                Some(Json::Number(number)) => Some(number.to_string()),
                Some(_) => return Err(StepError::remote(format!("the cursor at `{cursor}` is no text and no number"))),
            };
            match (text, param) {
                (None, _) => None,
                (Some(text), Some(param)) => Some(with_param(here, param, &text)),
                (Some(text), None) => Some(here.join(&text).map_err(|_| bad(&text))?),
            }
        }
        PageBy::Page { param, first } => {
            let next = u64::from(*first) + u64::from(number) + 1;
            (count > 0).then(|| with_param(here, param, &next.to_string()))
        }
    };
    match next {
        Some(next) if next == *here => {
            Err(StepError::remote(format!("page {} says that it is its own next page", number + 1)))
        }
        Some(next) if next.origin() != here.origin() => {
            let text = format!("page {} is on another host, {}, which is not asked", number + 2, shown(&next));
            Err(StepError { may_retry: false, ..StepError::remote(text) })
        }
        next => Ok(next),
    }
}

/// `url` with the query parameter `name` set to `value`.
fn with_param(url: &Url, name: &str, value: &str) -> Url {
    let kept: Vec<(String, String)> =
        url.query_pairs().filter(|(n, _)| n != name).map(|(n, v)| (n.into(), v.into())).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair(name, value);
    url
}

/// The target with `rel="next"` of the `Link` headers (RFC 8288).
fn linked(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    for line in lines {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once('<') {
            let (target, after) = after.split_once('>')?;
            // Parameters end where the next target begins.
            let end = after.find(",<").or_else(|| after.find(", <")).unwrap_or(after.len());
            let (params, more) = after.split_at(end);
            let is_next = params.split(';').filter_map(|p| p.split_once('=')).any(|(name, value)| {
                let rels = value.trim().trim_end_matches(',').trim_matches('"');
                name.trim().eq_ignore_ascii_case("rel")
                    && rels.split_whitespace().any(|r| r.eq_ignore_ascii_case("next"))
            });
            if is_next {
                return Some(target.to_owned());
            }
            rest = more;
        }
    }
    None
}

/// Items of all pages so far.
pub(super) struct Gathered<'a> {
    files: &'a RunFiles,
    ctx: &'a StepContext,
    count: u64,
    /// As JSON text, each followed by a comma, while there is no file.
    kept: Vec<Json>,
    bytes: usize,
    file: Option<RunFile>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(files: &'a RunFiles, ctx: &'a StepContext) -> Self {
        Self { files, ctx, count: 0, kept: Vec::new(), bytes: 2, file: None }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Adds the items of a page.
    pub(super) async fn add(&mut self, items: Vec<Json>) -> Result<(), StepError> {
        for item in items {
            if self.file.is_none() {
                self.bytes += item.to_string().len() + 1;
                if self.bytes > KEPT_BODY {
                    let mut file = self.files.create(self.ctx, "json").await?;
                    for (at, kept) in std::mem::take(&mut self.kept).into_iter().enumerate() {
                        write(&mut file, at == 0, &kept).await?;
                    }
                    self.file = Some(file);
                }
            }
            match &mut self.file {
                Some(file) => write(file, self.count == 0, &item).await?,
                None => self.kept.push(item),
            }
            self.count += 1;
        }
        Ok(())
    }

    /// Puts `items`, or `items_file`, into the output.
    pub(super) async fn into_output(self, output: &mut JsonMap) -> Result<(), StepError> {
        output.insert("count".to_owned(), self.count.into());
        match self.file {
            None => drop(output.insert("items".to_owned(), Json::Array(self.kept))),
            Some(mut file) => {
                file.write(b"\n]\n").await?;
                output.insert("items_bytes".to_owned(), file.bytes().into());
                let path = file.finish().await?;
                output.insert("items_file".to_owned(), path.display().to_string().into());
            }
        }
        Ok(())
    }
}

async fn write(file: &mut RunFile, is_first: bool, item: &Json) -> Result<(), StepError> {
    let before = if is_first { "[\n" } else { ",\n" };
    file.write(format!("{before}{item}").as_bytes()).await
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_next_page_is_the_link_that_says_so() {
        let find = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(LINK, HeaderValue::from_static(text));
            linked(&headers)
        };
        assert_eq!(find("</a?page=2,3>; rel=\"next\""), Some("/a?page=2,3".into()));
        assert_eq!(find("<a>; rel=\"prev\", <b>; title=\"x\"; rel=\"last next\", <c>; rel=first"), Some("b".into()));
        assert_eq!(find("<a>; rel=prev,<b>; rel=NEXT"), Some("b".into()));
        assert_eq!(find("<a>; rel=\"nextish\""), None);
        assert_eq!(find("nonsense"), None);
    }
}

//! `depends_on` and `call_job` over all jobs: every name is a declared job, and no job waits for itself. A dependency on
//! a job with errors is fine: it is declared, and its runs are what counts.

use std::collections::{BTreeMap, VecDeque};

use crate::draft::Draft;
use crate::finding::{Findings, suggest};
use crate::reader::Text;

/// The names each job depends on, by id.
type Graph = BTreeMap<String, Vec<String>>;

/// Reports unknown jobs and circles, at each name that is part of one.
pub(crate) fn check_dependencies(drafts: &mut [Draft], files: &mut [Findings]) {
    check(drafts, files, "`depends_on`", "goes round in a circle", |draft| &draft.depends_on);
    check(drafts, files, "`call_job`", "calls itself in a circle", |draft| &draft.calls);
}

fn check(drafts: &mut [Draft], files: &mut [Findings], key: &str, circle: &str, names: impl Fn(&Draft) -> &[Text]) {
    let mut graph = Graph::new();
    for draft in drafts.iter() {
        if let Some(id) = &draft.id {
            let names = names(draft).iter().map(|name| name.value.clone());
            graph.entry(id.value.clone()).or_default().extend(names);
        }
    }
    for draft in drafts {
        let Some(id) = draft.id.as_ref().map(|id| id.value.clone()) else { continue };
        let out = &mut files[draft.file];
        out.job = Some(id.clone());
        for name in names(draft) {
            if !graph.contains_key(&name.value) {
                let hint = suggest(&name.value, graph.keys().map(String::as_str));
                let message = format!("{key}: there is no job `{}`", name.value);
                out.error("unknown-job", name.span.clone(), message, hint);
            } else if let Some(path) = find_path(&graph, &name.value, &id) {
                let path = std::iter::once(id.as_str()).chain(path).collect::<Vec<_>>().join(" → ");
                let message = format!("{key} {circle}: {path}");
                out.error("dependency-cycle", name.span.clone(), message, Some("take one of them out".into()));
            }
        }
        draft.found.extend(out.drain());
    }
}

/// The shortest way from `from` to `to`, both included.
fn find_path<'g>(graph: &'g Graph, from: &'g str, to: &str) -> Option<Vec<&'g str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(here) = waiting.pop_front() {
        if here == to {
            let mut path = vec![here];
            let mut at = here;
            while at != from {
                at = came_from.get(at)?;
                path.push(at);
            }
            path.reverse();
            return Some(path);
        }
        for next in graph.get(here).into_iter().flatten() {
            if next != from && !came_from.contains_key(next.as_str()) {
                came_from.insert(next, here);
                waiting.push_back(next);
            }
        }
    }
    None
}

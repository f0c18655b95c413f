//! `[limits.tags]` and `[limits.connectors]`, over all processes: counted from what the steps wrote down, not from what the
//! history says.

use test_support::Postgres;

use crate::fleet::{Site, job, mark, query_on, sleep};

const LIMITS: &str = "[jobs]\nmax_concurrent_runs = 8\n[limits.tags]\netl = 2\n[limits.connectors]\nscarce = 3";

/// Most spans (first and last instant, as text in one format) that have an instant in common.
pub(super) fn most_at_once(spans: &[Vec<String>]) -> usize {
    let at = |instant: &String| spans.iter().filter(|span| span[0] <= *instant && *instant <= span[1]).count();
    spans.iter().map(|span| at(&span[0])).max().unwrap_or_default()
}

#[test]
fn limits_of_tags_and_connectors_hold_across_three_processes() {
    let postgres = Postgres::start().unwrap();
    let keys = "overlap = \"allow\"\nplacement = \"any\"\n";
    let steps = |first: String| [first, sleep("work", 0.4), mark("end")];
    let scarce = query_on("scarce", "begin", "insert into marks (job, run, step) values (:job, :run, 'begin')");
    let jobs = job("tagged", &format!("{keys}tags = [\"etl\"]"), &steps(mark("begin")))
        + &job("scarce", keys, &steps(scarce))
        + &job("free", keys, &steps(mark("begin")));
    let site = Site::new(&postgres, &jobs).with_connectors("[connectors.scarce]\ntype = \"sql\"\npool = \"db\"\n");
    let mut session = site.session();
    let replicas = [site.primary(LIMITS), site.standby(LIMITS), site.worker(LIMITS, &[])];
    let mut fired = Vec::new();
    for round in 0..12 {
        let asked = &replicas[round % 3];
        fired.extend(["tagged", "scarce", "free"].map(|job| asked.fire(job, &[])));
    }
    for run in &fired {
        replicas[0].sees(run, "SUCCEEDED");
    }
    let mut spans = |job: &str| {
        let sql = format!("select min(at), max(at) from marks where job = '{job}' group by run");
        session.rows(&sql).unwrap()
    };
    let at_once = ["tagged", "scarce", "free"].map(|job| most_at_once(&spans(job)));
    assert_eq!(at_once[..2], [2, 3], "as many as allowed, and never more: {at_once:?}");
    assert_eq!(spans("free").len(), 12);
    assert_eq!(session.value("select count(*) from marks").unwrap(), "72", "each ran once");
}

#[test]
fn a_place_under_a_limit_is_free_again_when_its_process_is_killed() {
    let postgres = Postgres::start().unwrap();
    let keys = "overlap = \"allow\"\nplacement = \"any\"\ntags = [\"etl\"]";
    let site = Site::new(&postgres, &job("slow", keys, &[mark("begin"), sleep("work", 1.0)]));
    let mut session = site.session();
    let limits = "[limits.tags]\netl = 1";
    let (mut a, b) = (site.primary(limits), site.standby(limits));
    let fired: Vec<String> = (0..4).map(|_| a.fire("slow", &[])).collect();
    b.sees(&fired[0], "RUNNING");
    a.kill();
    let mut ended = Vec::new();
    for run in &fired {
        crate::fleet::came(&[&b], "the run ends", || b.run(run)["run"]["finished_at"].is_string());
        ended.push(b.run(run)["run"]["status"].as_str().unwrap().to_owned());
    }
    assert!(ended[1..].iter().all(|status| status == "SUCCEEDED"), "{ended:?}");
    // The run of the killed process ended with it, not a second after its mark.
    let sql =
        format!("select min(at), min(at) + interval '1 second' from marks where run <> '{}' group by run", fired[0]);
    assert_eq!(most_at_once(&session.rows(&sql).unwrap()), 1);
}

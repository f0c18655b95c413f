//! What plugins remember.

use host_model::plugin_port::{PluginState, StateCondition, StateEntry, StateSet};

use super::{Bench, at};

const MANY: u32 = 1000;

fn entry(key: &str, value: &str) -> StateEntry {
    StateEntry { key: key.to_owned(), value: value.to_owned(), updated_at: at(7) }
}

async fn set(state: &dyn PluginState, plugin: &str, key: &str, value: &str) {
    let set = state.set_value(plugin, &entry(key, value), &StateCondition::Always, MANY).await.unwrap();
    assert_eq!(set, StateSet::Done, "{key}");
}

pub(super) async fn a_value_is_there_for_its_plugin_until_it_is_deleted(bench: &Bench) {
    let state = bench.open_state().await;
    set(&*state, "sync", "watermark", "41").await;
    set(&*state, "sync", "watermark", "42 ü '\"").await;
    assert_eq!(state.find_value("sync", "watermark").await.unwrap().as_deref(), Some("42 ü '\""));
    assert_eq!(state.find_value("other", "watermark").await.unwrap(), None);
    assert!(!state.delete_value("other", "watermark").await.unwrap());
    let reopened = bench.open_state().await;
    assert_eq!(reopened.find_value("sync", "watermark").await.unwrap().as_deref(), Some("42 ü '\""));
    assert!(state.delete_value("sync", "watermark").await.unwrap());
    assert!(!state.delete_value("sync", "watermark").await.unwrap());
    assert_eq!(state.find_value("sync", "watermark").await.unwrap(), None);
}

pub(super) async fn a_condition_that_does_not_hold_changes_nothing(bench: &Bench) {
    let state = bench.open_state().await;
    let holds = |value: &str| StateCondition::Holds(value.to_owned());
    let try_set = async |value: &str, condition: StateCondition| {
        state.set_value("sync", &entry("scn", value), &condition, MANY).await.unwrap()
    };
    assert_eq!(try_set("1", holds("0")).await, StateSet::Unmet);
    assert_eq!(try_set("1", StateCondition::Absent).await, StateSet::Done);
    assert_eq!(try_set("2", StateCondition::Absent).await, StateSet::Unmet);
    assert_eq!(try_set("2", holds("0")).await, StateSet::Unmet);
    assert_eq!(state.find_value("sync", "scn").await.unwrap().as_deref(), Some("1"));
    assert_eq!(try_set("2", holds("1")).await, StateSet::Done);
    assert_eq!(state.find_value("sync", "scn").await.unwrap().as_deref(), Some("2"));
}

pub(super) async fn sixteen_that_compare_and_set_lose_no_count(bench: &Bench) {
    let state = bench.open_state().await;
    set(&*state, "sync", "n", "0").await;
    let mut counters = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let state = state.clone();
        counters.spawn(async move {
            loop {
                let before = state.find_value("sync", "n").await.unwrap().unwrap();
                let next = (before.parse::<u32>().unwrap() + 1).to_string();
                let condition = StateCondition::Holds(before);
                if state.set_value("sync", &entry("n", &next), &condition, MANY).await.unwrap() == StateSet::Done {
                    return;
                }
            }
        });
    }
    while let Some(ended) = counters.join_next().await {
        ended.unwrap();
    }
    assert_eq!(state.find_value("sync", "n").await.unwrap().as_deref(), Some("16"));
}

pub(super) async fn keys_are_listed_by_prefix_and_page_in_the_order_of_their_bytes(bench: &Bench) {
    let state = bench.open_state().await;
    for key in ["table/b", "table/B", "table/ä", "table%", "tablet", "table/a", "other"] {
        set(&*state, "sync", key, key).await;
    }
    set(&*state, "another", "table/z", "").await;
    let keys = async |prefix: &str, after: Option<&str>, limit: u32| -> Vec<String> {
        let entries = state.list_values("sync", prefix, after, limit).await.unwrap();
        entries.into_iter().map(|entry| entry.key).collect()
    };
    assert_eq!(keys("table/", None, MANY).await, ["table/B", "table/a", "table/b", "table/ä"]);
    assert_eq!(keys("table/", None, 2).await, ["table/B", "table/a"]);
    assert_eq!(keys("table/", Some("table/a"), 2).await, ["table/b", "table/ä"]);
    assert_eq!(keys("table/", Some("table/ä"), 2).await, [""; 0]);
    assert_eq!(keys("", None, MANY).await.len(), 7);
    assert_eq!(keys("table%", None, MANY).await, ["table%"]);
    let listed = state.list_values("sync", "other", None, 1).await.unwrap();
    assert_eq!(listed, [entry("other", "other")]);
}

pub(super) async fn a_key_too_many_is_refused_and_the_others_can_still_be_set(bench: &Bench) {
    let state = bench.open_state().await;
    let try_set =
        async |key: &str| state.set_value("sync", &entry(key, "x"), &StateCondition::Always, 2).await.unwrap();
    assert_eq!(try_set("a").await, StateSet::Done);
    assert_eq!(try_set("b").await, StateSet::Done);
    assert_eq!(try_set("c").await, StateSet::Full);
    assert_eq!(try_set("a").await, StateSet::Done);
    assert_eq!(state.find_value("sync", "c").await.unwrap(), None);
    set(&*state, "another", "c", "x").await;
}

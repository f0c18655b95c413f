//! What desks remember beside what they edit: who changed passwords of connectors, and mutes.

use host_model::connector_secret::SecretChange;
use host_model::notify::mute::{Mute, MuteKind};

use super::{Bench, at};

fn change(place: &str, digest: &str, second: i64) -> SecretChange {
    SecretChange { place: place.into(), digest: digest.into(), at: at(second), by: "manual:ann".into() }
}

pub(super) async fn who_changed_a_password_is_remembered_and_follows_a_name(bench: &Bench) {
    let store = crate::open_roles(&bench.url, &bench.home).await.unwrap().connector_secrets;
    store.put_secret_change(&change("pools/b", "1", 1)).await.unwrap();
    store.put_secret_change(&change("pools/a", "2", 2)).await.unwrap();
    store.put_secret_change(&change("pools/b", "3", 3)).await.unwrap();
    assert_eq!(store.list_secret_changes().await.unwrap(), [change("pools/a", "2", 2), change("pools/b", "3", 3)]);
    store.move_secret_change("pools/b", "pools/a").await.unwrap();
    store.move_secret_change("pools/nobody", "pools/c").await.unwrap();
    assert_eq!(store.list_secret_changes().await.unwrap(), [change("pools/a", "3", 3)]);
}

fn mute(kind: MuteKind, name: &str, second: i64, until: i64) -> Mute {
    let (by, reason) = ("manual:ann".to_owned(), "upgrade".to_owned());
    Mute { kind, name: name.into(), until: at(until), at: at(second), by, reason, held: 0 }
}

pub(super) async fn a_mute_is_replaced_counted_and_goes(bench: &Bench) {
    let store = crate::open_roles(&bench.url, &bench.home).await.unwrap().mutes;
    let (short, long) = (mute(MuteKind::Job, "nightly", 1, 10), mute(MuteKind::Route, "nightly", 1, 20));
    store.put_mute(&short).await.unwrap();
    store.put_mute(&long).await.unwrap();
    store.put_mute(&Mute { until: at(12), ..short.clone() }).await.unwrap();
    store.count_held(MuteKind::Job, "nightly", 2).await.unwrap();
    store.count_held(MuteKind::Job, "nightly", 1).await.unwrap();
    store.count_held(MuteKind::Job, "nobody", 1).await.unwrap();
    let longer = Mute { until: at(12), held: 3, ..short.clone() };
    assert_eq!(store.list_mutes(at(5)).await.unwrap(), [longer, long.clone()]);
    assert_eq!(store.list_mutes(at(12)).await.unwrap(), std::slice::from_ref(&long), "it ends at its instant");
    // The next one clears away what has ended, so the count begins anew.
    store.put_mute(&mute(MuteKind::Route, "other", 15, 30)).await.unwrap();
    assert!(!store.delete_mute(MuteKind::Job, "nightly").await.unwrap());
    assert!(store.delete_mute(MuteKind::Route, "nightly").await.unwrap());
    assert_eq!(store.list_mutes(at(5)).await.unwrap(), [mute(MuteKind::Route, "other", 15, 30)]);
}

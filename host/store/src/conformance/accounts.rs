//! Accounts, sessions and API tokens.

use host_model::JsonMap;
use host_model::access::{Permission, Permissions};
use host_model::account::{
    Account, AccountChange, AccountSource, AccountStore, ApiToken, Changed, PasswordHash, Rotated, Session, Vouched,
    Welcomed,
};

use super::{Bench, at};

pub(super) fn of(texts: &[&str]) -> Permissions {
    texts.iter().map(|text| Permission::parse(text).unwrap()).collect()
}

pub(super) fn account(name: &str, granted: &[&str]) -> Account {
    Account {
        name: name.into(),
        display_name: format!("{name} the first"),
        source: AccountSource::Local,
        subject: None,
        granted: of(granted),
        from_groups: Permissions::default(),
        disabled: false,
        must_change_password: true,
        epoch: 0,
        created_at: at(1),
        created_by: "cli:ann".into(),
        last_sign_in_at: None,
    }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash(text.into())
}

fn session(id: &str, user: &str, epoch: u32) -> Session {
    Session {
        id: id.into(),
        user: user.into(),
        opened_by: "local".into(),
        epoch,
        created_at: at(10),
        refreshed_at: at(10),
        expires_at: at(100),
        address: "127.0.0.1".into(),
        agent: "test".into(),
    }
}

fn token(id: &str, user: &str) -> ApiToken {
    ApiToken {
        id: id.into(),
        name: format!("token {id}"),
        user: user.into(),
        permissions: of(&["job:a"]),
        created_at: at(5),
        expires_at: None,
        last_used_at: None,
        last_used_from: None,
    }
}

async fn ids(store: &dyn AccountStore, user: &str) -> Vec<String> {
    store.list_sessions(user, at(20)).await.unwrap().into_iter().map(|session| session.id).collect()
}

pub(super) async fn an_account_is_what_was_made_of_it(bench: &Bench) {
    let store = bench.open_accounts().await;
    let ann = account("ann", &["job:a", "settings:jobs"]);
    assert!(store.create_account(&ann, Some(&hash("h1"))).await.unwrap());
    assert!(!store.create_account(&account("ann", &["superuser"]), None).await.unwrap(), "the name is taken");
    assert_eq!(bench.open_accounts().await.find_account("ann").await.unwrap(), Some(ann.clone()));
    assert_eq!(store.find_password("ann").await.unwrap(), Some(hash("h1")));
    assert_eq!(store.find_account("bob").await.unwrap(), None);
    assert_eq!(store.find_password("bob").await.unwrap(), None);
    let change = AccountChange {
        display_name: Some("Ann".into()),
        grant: of(&["job:*"]),
        revoke: of(&["job:a"]),
        ..AccountChange::default()
    };
    assert_eq!(store.change_account("ann", &change).await.unwrap(), Changed::Done);
    assert_eq!(store.change_account("bob", &change).await.unwrap(), Changed::Unknown);
    let changed = Account { display_name: "Ann".into(), granted: of(&["job:*", "settings:jobs"]), ..ann };
    assert_eq!(store.list_accounts().await.unwrap(), [changed]);
    assert!(store.set_password("ann", &hash("h2"), false, None).await.unwrap());
    assert!(!store.set_password("bob", &hash("h2"), false, None).await.unwrap());
    assert_eq!(store.find_password("ann").await.unwrap(), Some(hash("h2")));
    assert!(!store.find_account("ann").await.unwrap().unwrap().must_change_password);
}

pub(super) async fn the_first_account_is_made_once(bench: &Bench) {
    let store = bench.open_accounts().await;
    let starts = (0..4).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            store.create_first_account(&account(&format!("admin{n}"), &["superuser"]), &hash("h")).await.unwrap()
        })
    });
    let mut made = 0;
    for start in starts.collect::<Vec<_>>() {
        made += usize::from(start.await.unwrap());
    }
    assert_eq!((made, store.list_accounts().await.unwrap().len()), (1, 1));
}

pub(super) async fn somebody_who_may_do_everything_is_always_left(bench: &Bench) {
    let store = bench.open_accounts().await;
    for (name, granted) in [("ann", "superuser"), ("bob", "superuser"), ("eve", "job:*")] {
        assert!(store.create_account(&account(name, &[granted]), Some(&hash("h"))).await.unwrap());
    }
    let disable = AccountChange { disabled: Some(true), ..AccountChange::default() };
    let less = AccountChange { permissions: Some(of(&["job:*"])), ..AccountChange::default() };
    assert_eq!(store.change_account("bob", &disable).await.unwrap(), Changed::Done);
    assert_eq!(store.change_account("ann", &disable).await.unwrap(), Changed::LastSuperuser);
    assert_eq!(store.change_account("ann", &less).await.unwrap(), Changed::LastSuperuser);
    assert_eq!(store.delete_account("ann").await.unwrap(), Changed::LastSuperuser);
    let ann = store.find_account("ann").await.unwrap().unwrap();
    assert!(!ann.disabled && ann.granted.is_superuser());
    assert_eq!(store.delete_account("eve").await.unwrap(), Changed::Done);
    assert_eq!(store.delete_account("bob").await.unwrap(), Changed::Done, "one who may not sign in is none");
    assert_eq!(store.delete_account("bob").await.unwrap(), Changed::Unknown);
}

pub(super) async fn two_superusers_who_demote_each_other_leave_one(bench: &Bench) {
    let store = bench.open_accounts().await;
    let names = ["ann".to_owned(), "bob".to_owned()];
    for name in &names {
        assert!(store.create_account(&account(name, &["superuser"]), None).await.unwrap());
    }
    for round in 0..10 {
        let both = AccountChange { grant: of(&["superuser"]), ..AccountChange::default() };
        for name in &names {
            assert_eq!(store.change_account(name, &both).await.unwrap(), Changed::Done);
        }
        let demote = |name: String| {
            let store = store.clone();
            let less = AccountChange { revoke: of(&["superuser"]), ..AccountChange::default() };
            tokio::spawn(async move { store.change_account(&name, &less).await.unwrap() })
        };
        let [a, b] = names.clone().map(demote);
        let found = [a.await.unwrap(), b.await.unwrap()];
        assert!(found.contains(&Changed::Done) && found.contains(&Changed::LastSuperuser), "{round}: {found:?}");
        let left = store.list_accounts().await.unwrap().iter().filter(|account| account.granted.is_superuser()).count();
        assert_eq!(left, 1, "round {round}");
    }
}

pub(super) async fn whom_a_provider_vouches_for_keeps_one_account(bench: &Bench) {
    let store = bench.open_accounts().await;
    assert!(store.create_account(&account("bob", &[]), Some(&hash("h"))).await.unwrap());
    let vouched = |name: &str, groups: &[&str], may_create| Vouched {
        name: name.into(),
        display_name: "Ann".into(),
        source: AccountSource::Oidc,
        subject: "corp:17".into(),
        from_groups: of(groups),
        may_create,
    };
    let welcome = async |vouched: Vouched| store.welcome(&vouched, at(2)).await.unwrap();
    assert_eq!(welcome(vouched("ann", &["job:a"], false)).await, Welcomed::Unknown);
    assert_eq!(welcome(vouched("bob", &["superuser"], true)).await, Welcomed::Taken(AccountSource::Local));
    let Welcomed::Known(ann) = welcome(vouched("ann", &["job:a"], true)).await else { panic!("none was made") };
    assert_eq!((ann.name.as_str(), ann.permissions()), ("ann", of(&["job:a"])));
    let grant = AccountChange { grant: of(&["settings:jobs"]), ..AccountChange::default() };
    assert_eq!(store.change_account("ann", &grant).await.unwrap(), Changed::Done);
    // The provider calls her otherwise now, and has taken her out of a group.
    let Welcomed::Known(again) = welcome(vouched("ann.lee", &["job:b"], false)).await else { panic!("unknown") };
    assert_eq!((again.name.as_str(), again.permissions()), ("ann", of(&["job:b", "settings:jobs"])));
    assert_eq!(store.find_account("ann").await.unwrap(), Some(*again));
    assert!(!store.set_password("ann", &hash("h"), false, None).await.unwrap(), "her password is elsewhere");
    let (name, granted) = ("bob", store.find_account("bob").await.unwrap().unwrap().permissions());
    assert_eq!(granted, of(&[]), "{name} is who he was");
}

pub(super) async fn a_refresh_token_works_once(bench: &Bench) {
    let store = bench.open_accounts().await;
    store.create_account(&account("ann", &[]), None).await.unwrap();
    store.open_session(&session("s1", "ann", 0), &[1; 32]).await.unwrap();
    assert_eq!(store.find_account("ann").await.unwrap().unwrap().last_sign_in_at, Some(at(10)));
    let next = Session { refreshed_at: at(30), expires_at: at(130), address: "::1".into(), ..session("s1", "ann", 0) };
    let rotated = store.rotate_session(&next, &[1; 32], &[2; 32]).await.unwrap();
    assert_eq!(rotated, Rotated::Done(Box::new(next.clone())));
    let again = Session { refreshed_at: at(40), ..next.clone() };
    assert_eq!(
        store.rotate_session(&again, &[1; 32], &[3; 32]).await.unwrap(),
        Rotated::Reused { refreshed_at: at(30) }
    );
    let late = Session { refreshed_at: at(200), expires_at: at(300), ..next.clone() };
    assert_eq!(store.rotate_session(&late, &[2; 32], &[4; 32]).await.unwrap(), Rotated::Unknown);
    assert_eq!(store.find_session("s1", at(129)).await.unwrap(), Some(next));
    assert_eq!(store.find_session("s1", at(130)).await.unwrap(), None);
    // Sixteen that come at once: one gets the next pair.
    store.open_session(&session("s2", "ann", 0), &[9; 32]).await.unwrap();
    let tries = (0..16_u8).map(|n| {
        let store = store.clone();
        let next = Session { refreshed_at: at(20), ..session("s2", "ann", 0) };
        tokio::spawn(async move { store.rotate_session(&next, &[9; 32], &[n + 20; 32]).await.unwrap() })
    });
    let mut done = 0;
    for tried in tries.collect::<Vec<_>>() {
        done += usize::from(matches!(tried.await.unwrap(), Rotated::Done(_)));
    }
    assert_eq!(done, 1);
}

pub(super) async fn sessions_end_one_by_one_and_all_at_once(bench: &Bench) {
    let store = bench.open_accounts().await;
    for name in ["ann", "bob"] {
        store.create_account(&account(name, &[]), Some(&hash("h"))).await.unwrap();
    }
    for (n, (id, user)) in [("a1", "ann"), ("a2", "ann"), ("a3", "ann"), ("b1", "bob")].into_iter().enumerate() {
        store.open_session(&session(id, user, 0), &[n as u8; 32]).await.unwrap();
    }
    assert!(store.end_session("a1").await.unwrap());
    assert!(!store.end_session("a1").await.unwrap());
    assert!(store.set_password("ann", &hash("new"), false, Some("a3")).await.unwrap());
    assert_eq!(ids(&*store, "ann").await, ["a3"]);
    let (kept, ann) = (store.find_session("a3", at(20)).await.unwrap(), store.find_account("ann").await.unwrap());
    assert_eq!((kept.unwrap().epoch, ann.unwrap().epoch), (1, 1), "the one that is kept belongs to the new epoch");
    store.end_sessions("ann", None).await.unwrap();
    assert!(ids(&*store, "ann").await.is_empty());
    assert_eq!(ids(&*store, "bob").await, ["b1"]);
    let disable = AccountChange { disabled: Some(true), ..AccountChange::default() };
    assert_eq!(store.change_account("bob", &disable).await.unwrap(), Changed::Done);
    assert!(ids(&*store, "bob").await.is_empty());
    let bob = store.find_account("bob").await.unwrap().unwrap();
    assert_eq!((bob.disabled, bob.epoch), (true, 1), "what was signed before stays closed when he comes back");
    // What has expired goes when somebody signs in.
    store.open_session(&session("old", "ann", 2), &[7; 32]).await.unwrap();
    let later = Session { created_at: at(500), expires_at: at(600), ..session("new", "ann", 2) };
    store.open_session(&later, &[8; 32]).await.unwrap();
    assert!(!store.end_session("old").await.unwrap());
}

pub(super) async fn preferences_are_kept_with_their_account(bench: &Bench) {
    let store = bench.open_accounts().await;
    store.create_account(&account("root", &["superuser"]), None).await.unwrap();
    store.create_account(&account("ann", &[]), None).await.unwrap();
    assert_eq!(store.find_preferences("ann").await.unwrap(), Some(JsonMap::new()));
    assert_eq!(store.find_preferences("nobody").await.unwrap(), None);
    let chosen = JsonMap::from_iter([("theme".to_owned(), "dark".into()), ("zone".to_owned(), "utc".into())]);
    assert!(store.set_preferences("ann", &chosen).await.unwrap());
    assert!(!store.set_preferences("nobody", &chosen).await.unwrap());
    assert_eq!(store.find_preferences("ann").await.unwrap(), Some(chosen));
    store.delete_account("ann").await.unwrap();
    assert_eq!(store.find_preferences("ann").await.unwrap(), None);
}

pub(super) async fn a_token_is_found_by_its_hash_and_goes_with_its_owner(bench: &Bench) {
    let store = bench.open_accounts().await;
    for name in ["ann", "bob"] {
        store.create_account(&account(name, &[]), None).await.unwrap();
    }
    let first = ApiToken { expires_at: Some(at(90)), ..token("t1", "ann") };
    store.create_token(&first, &[1; 32]).await.unwrap();
    store.create_token(&ApiToken { created_at: at(6), ..token("t2", "ann") }, &[2; 32]).await.unwrap();
    store.create_token(&token("t3", "bob"), &[3; 32]).await.unwrap();
    assert_eq!(store.find_token(&[1; 32]).await.unwrap(), Some(first.clone()));
    assert_eq!(store.find_token(&[4; 32]).await.unwrap(), None);
    store.note_token_use("t1", at(50), "10.0.0.1").await.unwrap();
    let used = ApiToken { last_used_at: Some(at(50)), last_used_from: Some("10.0.0.1".into()), ..first };
    assert_eq!(store.find_token(&[1; 32]).await.unwrap(), Some(used));
    let list = async |user: Option<&str>| {
        store.list_tokens(user).await.unwrap().into_iter().map(|token| token.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Some("ann")).await, ["t2", "t1"]);
    assert_eq!(list(None).await.len(), 3);
    assert!(!store.delete_token("t1", Some("bob")).await.unwrap(), "it is not his");
    assert!(store.delete_token("t1", Some("ann")).await.unwrap());
    assert!(store.delete_token("t3", None).await.unwrap());
    store.create_account(&account("root", &["superuser"]), None).await.unwrap();
    assert_eq!(store.delete_account("ann").await.unwrap(), Changed::Done);
    assert!(list(None).await.is_empty());
    assert!(store.create_token(&token("t9", "ann"), &[9; 32]).await.is_err(), "nobody has it");
}

//! Sealed secrets.

use host_model::secret::SealedSecret;

use super::{Bench, at};

fn secret(name: &str, sealed: &str, second: i64) -> SealedSecret {
    SealedSecret { name: name.into(), sealed: sealed.into(), updated_at: at(second), updated_by: "cli:ann".into() }
}

pub(super) async fn a_secret_is_replaced_listed_and_deleted(bench: &Bench) {
    let store = bench.open_secrets().await;
    store.put_secret(&secret("b", "ENC:1", 1)).await.unwrap();
    store.put_secret(&secret("a", "ENC:2", 2)).await.unwrap();
    store.put_secret(&secret("b", "ENC:3", 3)).await.unwrap();
    assert_eq!(store.list_secrets().await.unwrap(), [secret("a", "ENC:2", 2), secret("b", "ENC:3", 3)]);
    assert!(store.delete_secret("a").await.unwrap());
    assert!(!store.delete_secret("a").await.unwrap());
    assert_eq!(bench.open_secrets().await.list_secrets().await.unwrap(), [secret("b", "ENC:3", 3)]);
}

pub(super) async fn secrets_are_sealed_anew_all_together_or_not_at_all(bench: &Bench) {
    let store = bench.open_secrets().await;
    let before = [secret("a", "ENC:1", 1), secret("b", "ENC:2", 2)];
    let after = [secret("a", "ENC:3", 1), secret("b", "ENC:4", 2)];
    for secret in &before {
        store.put_secret(secret).await.unwrap();
    }
    // Somebody writes meanwhile.
    store.put_secret(&secret("b", "ENC:other", 9)).await.unwrap();
    assert!(!store.reseal_secrets(&before, &after).await.unwrap());
    assert_eq!(store.list_secrets().await.unwrap(), [secret("a", "ENC:1", 1), secret("b", "ENC:other", 9)]);
    store.put_secret(&before[1]).await.unwrap();
    assert!(store.reseal_secrets(&before, &after).await.unwrap());
    assert_eq!(store.list_secrets().await.unwrap(), after);
}

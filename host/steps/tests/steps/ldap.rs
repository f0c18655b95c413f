//! LDAP connectors against a private OpenLDAP server.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use host_model::connector::{ConnectorSet, Directory, Hidden};
use host_model::plugin_port::{
    Directories, DirectoryEntry, DirectoryQuery, DirectoryScope, DirectoryValues, ServiceError, ServiceErrorKind,
};
use host_model::{CancelToken, ConnectorName};
use host_steps::ConnectorPools;
use test_support::{Slapd, SlapdTls};

use crate::authority::Authority;

const PEOPLE: usize = 25;

/// The suffix, two units and 25 people in one of them.
fn ldif() -> String {
    let suffix = Slapd::SUFFIX;
    let mut text = format!(
        "dn: {suffix}\nobjectClass: domain\ndc: nomaflow\n\n\
         dn: ou=people,{suffix}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=empty,{suffix}\nobjectClass: organizationalUnit\nou: empty\n\n"
    );
    for number in 0..PEOPLE {
        text += &format!(
            "dn: uid=p{number:02},ou=people,{suffix}\nobjectClass: inetOrgPerson\nuid: p{number:02}\ncn: Person {number}\n\
             sn: Müller (*{number})\nmail: p{number}@nomaflow.test\nmail: other{number}@nomaflow.test\n\
             jpegPhoto:: /9j/AAEC\n\n"
        );
    }
    text
}

fn slapd() -> Slapd {
    Slapd::start(&ldif(), 20_000).unwrap()
}

fn pools_at(url: &str, account: Option<(&str, &str)>) -> ConnectorPools {
    let name = ConnectorName::new("people").unwrap();
    let directory = Directory {
        name: name.clone(),
        url: url.to_owned(),
        start_tls: false,
        ca_file: None,
        bind_dn: account.map(|(dn, _)| dn.to_owned()),
        password: account.map(|(_, password)| Hidden::new(password)),
        base: Slapd::SUFFIX.to_owned(),
        source: Default::default(),
    };
    ConnectorPools::new(ConnectorSet { directories: [(name, directory)].into(), ..ConnectorSet::default() })
}

fn pools(server: &Slapd) -> ConnectorPools {
    pools_at(server.url(), Some((Slapd::ACCOUNT, Slapd::PASSWORD)))
}

fn query(filter: &str) -> DirectoryQuery {
    let scope = DirectoryScope::Subtree;
    DirectoryQuery { base: None, scope, filter: filter.to_owned(), attributes: Vec::new(), page_size: 10 }
}

/// All pages of a search.
async fn search(pools: &ConnectorPools, query: DirectoryQuery) -> Result<Vec<Vec<DirectoryEntry>>, ServiceError> {
    let mut search = pools.search("people", query, &CancelToken::new()).await?;
    let mut pages = Vec::new();
    loop {
        let page = search.next_page().await?;
        if page.is_empty() {
            assert!(search.next_page().await?.is_empty(), "the end stays the end");
            return Ok(pages);
        }
        pages.push(page);
    }
}

async fn failure(pools: &ConnectorPools, query: DirectoryQuery) -> (ServiceErrorKind, String) {
    let error = search(pools, query).await.expect_err("a failure");
    assert!(!error.message.contains(Slapd::PASSWORD), "{}", error.message);
    (error.kind, error.message)
}

#[tokio::test]
async fn every_entry_comes_in_pages_of_the_size_asked_for() {
    let server = slapd();
    let pools = pools(&server);
    let pages = search(&pools, query("(objectClass=inetOrgPerson)")).await.unwrap();
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    let mut names: Vec<&str> = pages.iter().flatten().map(|entry| entry.dn.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), PEOPLE);
    assert_eq!(names[3], "uid=p03,ou=people,dc=nomaflow,dc=test");
}

#[tokio::test]
async fn only_the_attributes_asked_for_come_texts_and_bytes_apart() {
    let server = slapd();
    let pools = pools(&server);
    let wanted = ["mail", "jpegPhoto", "sn"].map(str::to_owned).to_vec();
    let pages = search(&pools, DirectoryQuery { attributes: wanted, ..query("(uid=p07)") }).await.unwrap();
    let texts = |values: &[&str]| DirectoryValues::Texts(values.iter().map(|text| (*text).to_owned()).collect());
    assert_eq!(pages.len(), 1);
    assert_eq!(
        pages[0][0].attributes,
        [
            ("jpegPhoto".to_owned(), DirectoryValues::Bytes(vec![vec![0xff, 0xd8, 0xff, 0, 1, 2]])),
            ("mail".to_owned(), texts(&["p7@nomaflow.test", "other7@nomaflow.test"])),
            ("sn".to_owned(), texts(&["Müller (*7)"])),
        ]
    );
}

#[tokio::test]
async fn base_and_scope_bound_a_search() {
    let server = slapd();
    let pools = pools(&server);
    let below = |base: &str, scope| {
        let base = Some(format!("{base}{}", Slapd::SUFFIX));
        DirectoryQuery { base, scope, page_size: 100, ..query("(objectClass=*)") }
    };
    let count = async |base: &str, scope| search(&pools, below(base, scope)).await.unwrap().concat().len();
    assert_eq!(count("", DirectoryScope::Base).await, 1);
    assert_eq!(count("", DirectoryScope::OneLevel).await, 2);
    assert_eq!(count("", DirectoryScope::Subtree).await, PEOPLE + 3);
    assert_eq!(count("ou=people,", DirectoryScope::OneLevel).await, PEOPLE);
    assert_eq!(count("ou=empty,", DirectoryScope::OneLevel).await, 0);
}

#[tokio::test]
async fn an_escaped_value_finds_exactly_its_entry() {
    let server = slapd();
    let pools = pools(&server);
    let pages = search(&pools, query("(sn=Müller \\28\\2a12\\29)")).await.unwrap();
    assert_eq!(pages.concat().len(), 1);
    assert_eq!(pages[0][0].dn, "uid=p12,ou=people,dc=nomaflow,dc=test");
}

#[tokio::test]
async fn what_makes_no_sense_is_told_from_what_is_not_there() {
    let server = slapd();
    let pools = pools(&server);
    let (kind, message) = failure(&pools, query("(uid=")).await;
    assert_eq!(kind, ServiceErrorKind::Invalid);
    assert_eq!(message, format!("LDAP connector `people` ({}): the filter is malformed", server.url()));
    let base = Some("ou=nobody,dc=nomaflow,dc=test".to_owned());
    let (kind, message) = failure(&pools, DirectoryQuery { base, ..query("(uid=*)") }).await;
    assert_eq!(kind, ServiceErrorKind::NotFound);
    assert!(message.contains("there is no entry `ou=nobody,dc=nomaflow,dc=test`: 32 (noSuchObject)"), "{message}");
    let base = Some("no name".to_owned());
    assert_eq!(failure(&pools, DirectoryQuery { base, ..query("(uid=*)") }).await.0, ServiceErrorKind::Invalid);
    let unknown = pools.search("poeple", query("(uid=*)"), &CancelToken::new()).await.err().unwrap();
    assert_eq!(unknown.kind, ServiceErrorKind::NotFound);
    assert_eq!(unknown.message, "there is no LDAP connector `poeple`; did you mean `people`?");
}

#[tokio::test]
async fn a_server_that_refuses_the_account_or_is_not_there_is_unavailable() {
    let server = slapd();
    let wrong = pools_at(server.url(), Some((Slapd::ACCOUNT, "wrong")));
    let (kind, message) = failure(&wrong, query("(uid=*)")).await;
    assert_eq!(kind, ServiceErrorKind::Unavailable);
    assert!(
        message.contains("refuses the account `cn=admin,dc=nomaflow,dc=test`: 49 (invalidCredentials)"),
        "{message}"
    );
    let nobody = format!("ldap://127.0.0.1:{}", test_support::free_port().unwrap());
    let (kind, message) = failure(&pools_at(&nobody, None), query("(uid=*)")).await;
    assert_eq!(kind, ServiceErrorKind::Unavailable);
    assert!(message.contains("no connection: "), "{message}");
}

#[tokio::test]
async fn a_server_that_cuts_the_result_says_so() {
    let small = Slapd::start(&ldif(), 12).unwrap();
    let anonymous = pools_at(small.url(), None);
    assert_eq!(failure(&anonymous, query("(uid=*)")).await.0, ServiceErrorKind::Limit);
    assert_eq!(search(&anonymous, query("(uid=p01)")).await.unwrap().concat().len(), 1);
}

#[tokio::test]
async fn a_cancel_ends_the_wait_for_a_server_that_says_nothing() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pools = pools_at(&format!("ldap://{}", silent.local_addr().unwrap()), Some((Slapd::ACCOUNT, "x")));
    let cancel = CancelToken::new();
    let searching = pools.search("people", query("(uid=*)"), &cancel);
    let begun = Instant::now();
    let canceling = async {
        // The bind was sent; nobody answers it.
        let (mut socket, _) = silent.accept().await.unwrap();
        let mut first = [0; 1];
        tokio::io::AsyncReadExt::read_exact(&mut socket, &mut first).await.unwrap();
        cancel.cancel("canceled by user:alice");
        socket
    };
    let (found, mut socket) = tokio::join!(searching, canceling);
    assert_eq!(found.err().unwrap().kind, ServiceErrorKind::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // The connection is closed, so the rest of the bytes has an end.
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut rest).await.unwrap();
}

/// A server that shows a certificate of `authority`.
fn encrypted(authority: &Authority) -> Slapd {
    let tls = SlapdTls {
        authority: authority.pem.clone(),
        certificate: authority.certificate.pem(),
        key: authority.key.serialize_pem(),
    };
    Slapd::start_with(&ldif(), 20_000, "", Some(&tls)).unwrap()
}

fn encrypted_pools(url: &str, start_tls: bool, ca_file: Option<PathBuf>) -> ConnectorPools {
    let mut set = (*pools_at(url, Some((Slapd::ACCOUNT, Slapd::PASSWORD))).declared()).clone();
    for directory in set.directories.values_mut() {
        directory.start_tls = start_tls;
        directory.ca_file.clone_from(&ca_file);
    }
    ConnectorPools::new(set)
}

#[tokio::test]
async fn an_encrypted_directory_is_searched_when_its_authority_is_named_and_not_otherwise() {
    let (known, stranger, misnamed) = (Authority::new(), Authority::new(), Authority::of(&["elsewhere.test"]));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, authority: &Authority| {
        let path = folder.path().join(name);
        std::fs::write(&path, &authority.pem).unwrap();
        Some(path)
    };
    let refused = async |url: &str, start_tls: bool, ca_file: Option<PathBuf>| {
        let (kind, message) = failure(&encrypted_pools(url, start_tls, ca_file), query("(uid=p01)")).await;
        assert_eq!(kind, ServiceErrorKind::Unavailable, "{url}: {message}");
        assert!(message.to_lowercase().contains("certificate"), "{url}: {message}");
    };
    let server = encrypted(&known);
    for (url, start_tls) in [(server.tls_url(), false), (server.url(), true)] {
        let pools = encrypted_pools(url, start_tls, file("known.pem", &known));
        assert_eq!(search(&pools, query("(uid=p01)")).await.unwrap().concat().len(), 1, "{url}");
        refused(url, start_tls, None).await;
        refused(url, start_tls, file("stranger.pem", &stranger)).await;
    }
    let impostor = encrypted(&misnamed);
    refused(impostor.tls_url(), false, file("misnamed.pem", &misnamed)).await;
}

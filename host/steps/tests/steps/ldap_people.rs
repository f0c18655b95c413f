//! Sign-ins by a private OpenLDAP server.

use host_model::ConnectorName;
use host_model::connector::{Directory, Hidden};
use host_model::plugin_port::ServiceErrorKind;
use host_steps::{People, Person};
use test_support::{Slapd, SlapdTls, free_port};

use crate::authority::Authority;

/// Three people with passwords; one of them is marked as having left.
fn ldif() -> String {
    let suffix = Slapd::SUFFIX;
    let mut text = format!(
        "dn: {suffix}\nobjectClass: domain\ndc: nomaflow\n\n\
         dn: ou=people,{suffix}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=groups,{suffix}\nobjectClass: organizationalUnit\nou: groups\n\n"
    );
    for (name, kind) in [("ann", "staff"), ("bob", "staff"), ("gone", "left")] {
        text += &format!(
            "dn: uid={name},ou=people,{suffix}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name} of the tests\nsn: x\n\
             employeeType: {kind}\nuserPassword: right {name}\n\n"
        );
    }
    text + &format!(
        "dn: cn=ops,ou=groups,{suffix}\nobjectClass: groupOfNames\ncn: ops\nmember: uid=ann,ou=people,{suffix}\n\n\
         dn: cn=readers,ou=groups,{suffix}\nobjectClass: groupOfNames\ncn: readers\nmember: uid=ann,ou=people,{suffix}\n\
         member: uid=bob,ou=people,{suffix}\n\n"
    )
}

fn people(url: &str) -> People {
    let directory = Directory {
        name: ConnectorName::new("corp").unwrap(),
        url: url.to_owned(),
        start_tls: false,
        ca_file: None,
        bind_dn: Some(Slapd::ACCOUNT.to_owned()),
        password: Some(Hidden::new(Slapd::PASSWORD)),
        base: format!("ou=people,{}", Slapd::SUFFIX),
        source: Default::default(),
    };
    People {
        directory,
        user_filter: Some("(&(uid={user})(!(employeeType=left)))".to_owned()),
        user_dn: None,
        display_attribute: "cn".to_owned(),
        id_attribute: None,
        groups_attribute: "memberOf".to_owned(),
        groups_search: Some((format!("ou=groups,{}", Slapd::SUFFIX), "(member={dn})".to_owned())),
    }
}

fn ann() -> Person {
    let suffix = Slapd::SUFFIX;
    Person {
        dn: format!("uid=ann,ou=people,{suffix}"),
        id: format!("uid=ann,ou=people,{suffix}"),
        display_name: "ann of the tests".to_owned(),
        groups: vec![
            format!("cn=ops,ou=groups,{suffix}"),
            format!("cn=readers,ou=groups,{suffix}"),
            "ops".to_owned(),
            "readers".to_owned(),
        ],
    }
}

#[tokio::test]
async fn the_right_password_is_somebody_and_every_other_one_is_nobody() {
    let server = Slapd::start(&ldif(), 1000).unwrap();
    let people = people(server.url());
    let mut found = people.check("ann", "right ann").await.unwrap().unwrap();
    found.groups.sort_by_key(|group| (!group.contains('='), group.clone()));
    assert_eq!(found, ann());
    for (user, password) in
        [("ann", "right bob"), ("ann", "Right ann"), ("nobody", "right ann"), ("", "right ann"), ("ann", "\0")]
    {
        assert_eq!(people.check(user, password).await.unwrap(), None, "{user} {password}");
    }
    // Whom the filter leaves out may not sign in, right password or not.
    assert_eq!(people.check("gone", "right gone").await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_password_is_nobody_although_the_server_would_take_it() {
    // As lax as a server can be: a bind with a name and no password is a success there.
    let server = Slapd::start_with(&ldif(), 1000, "allow bind_anon_dn", None).unwrap();
    let search = people(server.url());
    let suffix = Slapd::SUFFIX;
    let bind =
        People { user_filter: None, user_dn: Some(format!("uid={{user}},ou=people,{suffix}")), ..search.clone() };
    for people in [search, bind] {
        assert_eq!(people.check("ann", "").await.unwrap(), None);
        assert!(people.check("ann", "right ann").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_name_stays_a_name_in_a_filter_and_in_a_dn() {
    let server = Slapd::start(&ldif(), 1000).unwrap();
    let search = people(server.url());
    let suffix = Slapd::SUFFIX;
    let bind =
        People { user_filter: None, user_dn: Some(format!("uid={{user}},ou=people,{suffix}")), ..search.clone() };
    for user in
        ["*", "a*", "ann)(uid=*", "*)(|(uid=*", "ann\0", "ann,ou=people", "ann+uid=bob", "\\61nn", "x)(!(uid=zz"]
    {
        for people in [&search, &bind] {
            for password in ["right ann", "right bob"] {
                assert_eq!(people.check(user, password).await.unwrap(), None, "{user:?}");
            }
        }
    }
    assert!(bind.check("bob", "right bob").await.unwrap().is_some());
}

#[tokio::test]
async fn a_filter_that_fits_several_people_is_nobody() {
    let server = Slapd::start(&ldif(), 1000).unwrap();
    let all =
        People { user_filter: Some("(|(uid={user})(objectClass=inetOrgPerson))".to_owned()), ..people(server.url()) };
    assert_eq!(all.check("ann", "right ann").await.unwrap(), None);
}

#[tokio::test]
async fn a_directory_that_cannot_be_asked_is_an_error_and_names_no_password() {
    let down = people(&format!("ldap://127.0.0.1:{}", free_port().unwrap()));
    let error = down.check("ann", "right ann").await.unwrap_err();
    assert_eq!(error.kind, ServiceErrorKind::Unavailable);
    assert!(!error.message.contains("right ann") && !error.message.contains(Slapd::PASSWORD), "{error}");
    let server = Slapd::start(&ldif(), 1000).unwrap();
    let mut locked_out = people(server.url());
    locked_out.directory.password = Some(Hidden::new("not the password"));
    // The account that searches is refused: that is a fault of the settings, and not the user's.
    let error = locked_out.check("ann", "right ann").await.unwrap_err();
    assert!(!error.message.contains("not the password"), "{error}");
}

#[tokio::test]
async fn who_left_or_changed_groups_is_seen_without_a_password() {
    let server = Slapd::start(&ldif(), 1000).unwrap();
    let people = people(server.url());
    assert!(people.look_up("bob").await.unwrap().unwrap().groups.contains(&"readers".to_owned()));
    assert_eq!(people.look_up("gone").await.unwrap(), None);
    assert_eq!(people.look_up("nobody").await.unwrap(), None);
    leave_group(&server, "readers", "bob").await;
    assert!(people.look_up("bob").await.unwrap().unwrap().groups.is_empty());
}

async fn leave_group(server: &Slapd, group: &str, user: &str) {
    let (connection, mut ldap) = ldap3::LdapConnAsync::new(server.url()).await.unwrap();
    let driver = tokio::spawn(connection.drive());
    ldap.simple_bind(Slapd::ACCOUNT, Slapd::PASSWORD).await.unwrap().success().unwrap();
    let member = format!("uid={user},ou=people,{}", Slapd::SUFFIX);
    let group = format!("cn={group},ou=groups,{}", Slapd::SUFFIX);
    let change = ldap3::Mod::Delete("member".to_owned(), [member].into());
    ldap.modify(&group, vec![change]).await.unwrap().success().unwrap();
    driver.abort();
}

#[tokio::test]
async fn a_password_goes_over_start_tls_and_ldaps_only_to_a_server_that_is_trusted() {
    let authority = Authority::new();
    let tls = SlapdTls {
        authority: authority.pem.clone(),
        certificate: authority.certificate.pem(),
        key: authority.key.serialize_pem(),
    };
    let server = Slapd::start_with(&ldif(), 1000, "", Some(&tls)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &tls.authority).unwrap();
    for (url, start_tls) in [(server.url(), true), (server.tls_url(), false)] {
        let mut people = people(url);
        people.directory.start_tls = start_tls;
        assert!(people.check("ann", "right ann").await.is_err(), "an authority nobody trusts");
        people.directory.ca_file = Some(ca.clone());
        assert!(people.check("ann", "right ann").await.unwrap().is_some());
        assert_eq!(people.check("ann", "wrong").await.unwrap(), None);
    }
}

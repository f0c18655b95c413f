//! Changes of `connectors.toml`, each against the whole text that comes out: comments and order stay, names change everywhere.

use host_model::{Json, JsonMap};
use serde_json::json;

use super::{ConnectorsText, Section, renamed_in_grants, renamed_in_limits};

const FILE: &str = "# Who may be asked: the data team.

# the books
[pools.erp]
url = \"postgres://nomaflow@erp.example:5432/sales\" # until spring
password = \"ENC:1:x\"
pool_size = 5

[connectors.erp]
type = \"sql\"

# asked every night
[connectors.erp.queries.open-orders]
sql = \"select 1\"

[connectors.people]   # directory
type = \"ldap\"
url = \"ldap://ad.example\"
base = \"dc=example\"
";

fn map(value: Json) -> JsonMap {
    value.as_object().unwrap().clone()
}

fn file() -> ConnectorsText {
    ConnectorsText::parse(FILE).unwrap()
}

#[test]
fn a_changed_pool_keeps_comments_order_and_all_other_bytes() {
    let mut text = file();
    let mut pool = text.find(Section::Pools, "erp").unwrap().clone();
    pool.insert("pool_size".into(), 9.into());
    pool.insert("read_only".into(), true.into());
    text.set(Section::Pools, "erp", &pool).unwrap();
    assert_eq!(text.text(), FILE.replace("pool_size = 5\n", "pool_size = 9\nread_only = true\n"));
}

#[test]
fn setting_what_is_there_changes_no_byte() {
    let mut text = file();
    for (section, name) in [(Section::Pools, "erp"), (Section::Connectors, "erp"), (Section::Connectors, "people")] {
        let same = text.find(section, name).unwrap().clone();
        text.set(section, name, &same).unwrap();
    }
    assert_eq!(text.text(), FILE);
}

#[test]
fn a_new_connector_and_a_new_query_get_tables_beside_the_others() {
    let mut text = file();
    text.set(Section::Pools, "ops", &map(json!({ "url": "sqlite:ops.db" }))).unwrap();
    let queries = json!({ "type": "sql", "queries": { "totals": { "sql": "select 2", "writable": false } } });
    text.set(Section::Connectors, "ops", &map(queries)).unwrap();
    let mut erp = text.find(Section::Connectors, "erp").unwrap().clone();
    erp["queries"]["late"] = json!({ "sql": { "sqlite": "select 3", "postgres": "select 4" } });
    text.set(Section::Connectors, "erp", &erp).unwrap();
    let found = text.text();
    assert!(found.contains("pool_size = 5\n\n[pools.ops]\nurl = \"sqlite:ops.db\"\n\n[connectors.erp]"), "{found}");
    assert!(found.contains("\n[connectors.erp.queries.late]\nsql = {"), "{found}");
    assert!(found.contains("\n[connectors.ops]\ntype = \"sql\"\n\n[connectors.ops.queries.totals]\n"), "{found}");
    assert!(found.starts_with("# Who may be asked: the data team.\n\n# the books\n[pools.erp]"), "{found}");
    assert_eq!(text.users_of_pool("ops"), ["ops"]);
}

#[test]
fn an_empty_file_takes_a_first_connector() {
    let mut text = ConnectorsText::parse("").unwrap();
    text.set(Section::Pools, "ops", &map(json!({ "url": "sqlite:ops.db" }))).unwrap();
    text.set(Section::Connectors, "ops", &map(json!({ "type": "sql" }))).unwrap();
    assert_eq!(text.text(), "[pools.ops]\nurl = \"sqlite:ops.db\"\n\n[connectors.ops]\ntype = \"sql\"\n");
}

#[test]
fn what_is_taken_out_goes_with_its_own_comments_only() {
    let mut text = file();
    text.remove(Section::Connectors, "erp").unwrap();
    text.remove(Section::Pools, "erp").unwrap();
    let found = text.text();
    assert!(found.starts_with("# Who may be asked: the data team.\n"), "{found}");
    assert!(!found.contains("the books") && !found.contains("asked every night") && !found.contains("erp"), "{found}");
    assert!(found.contains("[connectors.people]   # directory\n"), "{found}");
}

#[test]
fn a_name_changes_where_it_stands() {
    let mut text = file();
    text.rename(Section::Connectors, "erp", "books").unwrap();
    text.rename(Section::Pools, "erp", "books").unwrap();
    assert_eq!(text.text(), FILE.replace("pools.erp", "pools.books").replace("connectors.erp", "connectors.books"));
}

#[test]
fn line_breaks_of_windows_stay() {
    let mut text = ConnectorsText::parse(&FILE.replace('\n', "\r\n")).unwrap();
    text.set(Section::Pools, "ops", &map(json!({ "url": "sqlite:ops.db" }))).unwrap();
    assert!(!text.text().replace("\r\n", "").contains('\n'));
}

#[test]
fn inline_tables_are_changed_in_place() {
    let mut text =
        ConnectorsText::parse("pools = { a = { url = \"sqlite:a.db\" } }\nconnectors.a.type = \"sql\"\n").unwrap();
    text.set(Section::Pools, "b", &map(json!({ "url": "sqlite:b.db" }))).unwrap();
    text.rename(Section::Pools, "a", "c").unwrap();
    assert!(text.find(Section::Pools, "c").is_some() && text.find(Section::Pools, "b").is_some());
}

#[test]
fn grants_and_limits_follow_a_name() {
    let grants = "[grants]\nldap = [\"erp\", \"other\"] # two\n[grants.connectors]\nerp = \"read\" # sales\n";
    let found = renamed_in_grants(grants, "x.toml", "erp", "books").unwrap().unwrap();
    assert_eq!(found, grants.replace("\"erp\"", "\"books\"").replace("erp =", "books ="));
    assert_eq!(renamed_in_grants(grants, "x.toml", "nobody", "books").unwrap(), None);
    let limits = "[limits.connectors]\nerp = 2\n";
    assert_eq!(renamed_in_limits(limits, "erp", "books").unwrap().unwrap(), "[limits.connectors]\nbooks = 2\n");
    assert_eq!(renamed_in_limits("[server]\n", "erp", "books").unwrap(), None);
}

//! Cells, written from the rules.

use serde_json::json;

use super::*;

fn entry(attributes: &[(&str, DirectoryValues)]) -> DirectoryEntry {
    let attributes = attributes.iter().map(|(name, values)| ((*name).to_owned(), values.clone())).collect();
    DirectoryEntry { dn: "uid=a,dc=x".into(), attributes }
}

fn texts(values: &[&str]) -> DirectoryValues {
    DirectoryValues::Texts(values.iter().map(|text| (*text).to_owned()).collect())
}

fn mapping(attribute: &str, multi: MultiValues) -> Mapping {
    let mapped = Mapped { attribute: attribute.into(), column: "c".into(), multi };
    Mapping { mapped: vec![mapped], separator: ";".into() }
}

/// The cell, or what is wrong with it.
fn cell(attribute: &str, values: DirectoryValues, multi: MultiValues, class: Class) -> Result<Value, String> {
    let row = mapping(attribute, multi).row(&entry(&[(attribute, values)]), &[class]);
    row.map(|mut row| row.remove(0)).map_err(|error| error.message)
}

fn one(text: &str, class: Class) -> Option<Value> {
    cell("a", texts(&[text]), MultiValues::Join, class).ok()
}

#[test]
fn several_values_are_joined_listed_or_the_first() {
    let values = || texts(&["b", "a \"q\""]);
    let of = |multi| cell("mail", values(), multi, Class::Text).unwrap();
    assert_eq!(of(MultiValues::Join), Value::Text("a \"q\";b".into()));
    assert_eq!(of(MultiValues::Json), Value::Text(json!(["a \"q\"", "b"]).to_string()));
    assert_eq!(of(MultiValues::First), Value::Text("b".into()));
    let alone = cell("mail", texts(&["x"]), MultiValues::Json, Class::Text).unwrap();
    assert_eq!(alone, Value::Text("[\"x\"]".into()));
    let error = cell("n", texts(&["1", "2"]), MultiValues::Join, Class::Int).unwrap_err();
    assert!(error.starts_with("entry `uid=a,dc=x`: attribute `n` for `c` has 2 values"), "{error}");
    assert_eq!(cell("n", texts(&["1", "2"]), MultiValues::First, Class::Int), Ok(Value::Int(1)));
}

#[test]
fn what_an_entry_does_not_have_is_null_and_names_have_no_case() {
    let entry = entry(&[("Mail", texts(&["m"])), ("userCertificate;binary", DirectoryValues::Bytes(vec![vec![0xff]]))]);
    let row = |attribute: &str| mapping(attribute, MultiValues::Join).row(&entry, &[Class::Text]).unwrap().remove(0);
    assert_eq!(row("MAIL"), Value::Text("m".into()));
    assert_eq!(row("phone"), Value::Null);
    assert_eq!(row("dn"), Value::Text("uid=a,dc=x".into()));
    assert_eq!(row("usercertificate"), Value::Text("/w==".into()));
}

#[test]
fn a_list_that_the_server_cut_is_refused() {
    let entry = entry(&[("member;range=0-1499", texts(&["a"]))]);
    let error = mapping("member", MultiValues::Join).row(&entry, &[Class::Text]).unwrap_err();
    assert!(error.message.ends_with("has more values than the server gives at once"), "{error}");
}

#[test]
fn identifiers_of_microsoft_are_written_the_way_their_tools_do() {
    let bytes = |bytes: &[u8]| DirectoryValues::Bytes(vec![bytes.to_vec()]);
    let guid = [0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
    let of = |name: &str, value: &[u8], class| cell(name, bytes(value), MultiValues::Join, class).unwrap();
    assert_eq!(of("objectGUID", &guid, Class::Text), Value::Text("00112233-4455-6677-8899-aabbccddeeff".into()));
    assert_eq!(of("objectGUID", &guid, Class::Bytes), Value::Bytes(guid.to_vec()));
    let sid = [1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0xf4, 1, 0, 0];
    assert_eq!(of("objectSid", &sid, Class::Text), Value::Text("S-1-5-21-1-2-500".into()));
    assert_eq!(of("objectSid", &sid[..20], Class::Text), Value::Text(STANDARD.encode(&sid[..20])));
}

#[test]
fn bytes_are_base64_in_text_even_where_they_happen_to_be_text() {
    let of = |name: &str| cell(name, texts(&["abc"]), MultiValues::Join, Class::Text).unwrap();
    assert_eq!(of("jpegPhoto"), Value::Text("YWJj".into()));
    assert_eq!(of("description"), Value::Text("abc".into()));
}

#[test]
fn values_fit_the_type_of_their_column_or_are_refused() {
    assert_eq!(one("TRUE", Class::Bool), Some(Value::Bool(true)));
    assert_eq!(one("no", Class::Bool), None);
    assert_eq!(one("-7", Class::Int), Some(Value::Int(-7)));
    assert_eq!(one("7.5", Class::Int), None);
    assert_eq!(one("-12.340", Class::Decimal), Some(Value::Decimal("-12.340".into())));
    assert_eq!(one("1e3", Class::Decimal), None);
    assert_eq!(one("0.5", Class::Float), Some(Value::Float(0.5)));
    let error = cell("a", texts(&["soon"]), MultiValues::Join, Class::Date).unwrap_err();
    assert_eq!(error, "entry `uid=a,dc=x`: attribute `a` for `c` holds `soon`, which does not fit the column");
}

#[test]
fn times_of_both_kinds_are_read() {
    let with_zone = Class::Timestamp { has_zone: true };
    let without = Class::Timestamp { has_zone: false };
    let at = |text: &str| Some(Value::Timestamp(text.into()));
    assert_eq!(one("20260301120030Z", with_zone), at("2026-03-01T12:00:30Z"));
    assert_eq!(one("20260301120030.0Z", without), at("2026-03-01T12:00:30"));
    assert_eq!(one("20260301120030.25+0200", with_zone), at("2026-03-01T10:00:30.250Z"));
    assert_eq!(one("202603011200Z", with_zone), at("2026-03-01T12:00:00Z"));
    assert_eq!(one("2026030112-05", Class::Date), Some(Value::Date("2026-03-01".into())));
    // 2009-07-25T23:00:00Z, the example of Microsoft's documentation.
    assert_eq!(one("128930364000000000", with_zone), at("2009-07-25T23:00:00Z"));
    assert_eq!(one("0", with_zone), Some(Value::Null));
    assert_eq!(one("9223372036854775807", with_zone), Some(Value::Null));
    for text in ["20260301", "20261301120000Z", "2026-03-01", "20260301120000"] {
        assert_eq!(one(text, with_zone), None, "{text}");
    }
}

#[test]
fn a_column_is_known_by_the_name_of_its_type() {
    for (kind, class) in [
        ("varchar(80)", Class::Text),
        ("uuid", Class::Text),
        ("jsonb", Class::Text),
        ("interval", Class::Text),
        ("BYTEA", Class::Bytes),
        ("mediumblob", Class::Bytes),
        ("int8", Class::Int),
        ("numeric(10,2)", Class::Decimal),
        ("double precision", Class::Float),
        ("timestamptz", Class::Timestamp { has_zone: true }),
        ("timestamp with time zone", Class::Timestamp { has_zone: true }),
        ("timestamp", Class::Timestamp { has_zone: false }),
        ("unknown", Class::Text),
    ] {
        assert_eq!(Class::of(kind), class, "{kind}");
    }
}

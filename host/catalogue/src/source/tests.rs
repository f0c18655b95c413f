//! Lines and columns of a source text, whatever its line breaks and letters.

use super::*;

#[test]
fn columns_count_characters_and_not_the_byte_order_mark() {
    let file = SourceFile::new("f", "\u{feff}a = 1\r\nnäme = 2\n");
    assert_eq!(file.place(3), (1, 1));
    let at = file.text.find('=').map(|first| first + 1 + file.text[first + 1..].find('=').unwrap_or(0));
    assert_eq!(at.map(|at| file.place(at)), Some((2, 6)));
    assert_eq!(file.place(10_000), (3, 1));
}

#[test]
fn a_place_inside_a_string_is_found_behind_escapes_of_every_kind() {
    for (raw, decoded) in [
        (r#""plain ${x}""#, "plain ${x}"),
        ("'literal \\n ${x}'", "literal \\n ${x}"),
        (r#""a\tb\u00e9\U0001F600\x41 ${x}""#, "a\tbé😀A ${x}"),
        ("\"\"\"\nfirst\n  ${x}\"\"\"", "first\n  ${x}"),
        ("\"\"\"\r\nfolded \\\r\n     ${x} \"\"\"", "folded ${x} "),
        ("'''\nraw \\ ${x}'''", "raw \\ ${x}"),
    ] {
        let text = format!("key = {raw}\n");
        let file = SourceFile::new("f", &text);
        let start = decoded.find("${").unwrap();
        let range = file.inside_string(&(6..6 + raw.len()), decoded, start..start + 4);
        assert_eq!(&text[range], "${x}", "{raw}");
    }
}

#[test]
fn a_string_that_cannot_be_matched_is_pointed_at_whole() {
    let file = SourceFile::new("f", r#"a = "b\"#);
    assert_eq!(file.inside_string(&(4..7), "zzz", 0..1), 4..7);
    assert_eq!(file.inside_string(&(4..99), "zzz", 0..1), 4..99);
}

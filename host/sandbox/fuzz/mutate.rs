//! Changes a component so that much of it stays sound: at the level of its sections, those of the core modules inside it
//! included, whose sizes are then written anew; and, seldom, at the level of bytes, which breaks the frame too.

use super::Random;

const HEADER: usize = 8;
/// Sections of a component that hold a whole module or component.
const NESTED: [u8; 2] = [1, 4];
const COMPONENT: u8 = 0x0d;
/// The sections of a core module that hold what it does: globals, code, data. Such a module comes first in a seed.
const LIVELY: [u8; 3] = [6, 10, 11];

/// `bytes`, changed once to four times.
pub(super) fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=random.below(6).saturating_sub(3) {
        changed = match random.below(20) {
            0 => {
                changed.truncate(random.below(changed.len()));
                changed
            }
            1 => {
                flip(&mut changed, random);
                changed
            }
            _ => change_sections(&changed, random),
        };
    }
    changed
}

/// Replaces, inserts or removes a few bytes.
fn flip(bytes: &mut Vec<u8>, random: &mut Random) {
    const ODD: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, 0x40, 0x41, 0x0b, 0x10, 0x20, 0x3f, 0x03];
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match (random.below(5), bytes.len()) {
            (_, 0) => bytes.push(0),
            (0, _) => bytes[at] ^= 1 << random.below(8),
            (1, _) => bytes[at] = *random.one_of(&ODD),
            (2, _) => bytes[at] = random.next() as u8,
            (3, _) => bytes.insert(at, *random.one_of(&ODD)),
            _ => drop(bytes.remove(at)),
        }
    }
}

/// Changes one section, or the order of them, of a module or component or of one inside it.
fn change_sections(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let Some(mut sections) = split(bytes) else {
        let mut changed = bytes.to_vec();
        flip(&mut changed, random);
        return changed;
    };
    if sections.is_empty() {
        return bytes.to_vec();
    }
    // Where code, data and numbers are, most changes leave something that runs.
    let lively = sections.iter().position(|(id, _)| LIVELY.contains(id)).filter(|_| random.below(4) > 0);
    let start = lively.unwrap_or(0);
    let (at, other) = (start + random.below(sections.len() - start), random.below(sections.len()));
    let is_component = bytes.get(4) == Some(&COMPONENT);
    match random.below(24) {
        0 => sections.swap(at, other),
        1 => drop(sections.remove(at)),
        2 => sections.insert(other, sections[at].clone()),
        3 => sections[at].0 = random.below(14) as u8,
        4 => {
            let keep = random.below(sections[at].1.len() + 1);
            sections[at].1.truncate(keep);
        }
        _ if is_component => {
            let nested = sections.iter_mut().find(|(id, _)| NESTED.contains(id) && random.below(5) > 0);
            match nested {
                Some((_, body)) => *body = change_sections(body, random),
                None => flip(&mut sections[at].1, random),
            }
        }
        _ => flip(&mut sections[at].1, random),
    }
    let mut joined = bytes[..HEADER].to_vec();
    for (id, body) in sections {
        joined.push(id);
        write_size(body.len(), &mut joined);
        joined.extend(body);
    }
    joined
}

/// The sections behind the header; none when they do not add up.
fn split(bytes: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut rest = bytes.get(HEADER..)?;
    let mut sections = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let (size, n) = read_size(after)?;
        let body = after.get(n..n + size)?;
        sections.push((*id, body.to_vec()));
        rest = &after[n + size..];
    }
    Some(sections)
}

fn read_size(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut size = 0;
    for (n, byte) in bytes.iter().enumerate().take(4) {
        size |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((size, n + 1));
        }
    }
    None
}

fn write_size(mut size: usize, out: &mut Vec<u8>) {
    while size > 0x7f {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

#[test]
fn sections_that_are_taken_apart_and_put_together_are_the_same() {
    let bytes = wat::parse_str("(component (core module (func) (memory 1)) (core module))").expect("sound text");
    let sections = split(&bytes).expect("sections");
    assert!(sections.iter().filter(|(id, _)| *id == 1).count() == 2, "{sections:?}");
    let mut size = Vec::new();
    for n in [0, 1, 127, 128, 300, 70_000] {
        size.clear();
        write_size(n, &mut size);
        assert_eq!(read_size(&size), Some((n, size.len())));
    }
}

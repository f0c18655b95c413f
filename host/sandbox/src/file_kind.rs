//! What a file is, by its first bytes and its section sizes, before Wasmtime sees it: the usual mistakes (a text file, a
//! core module, a copy that is cut off) each deserve their own message.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::SandboxError;

/// Bytes of the largest component: ten times one that holds an interpreter.
const LARGEST: u64 = 256 * 1024 * 1024;

const MAGIC: &[u8] = b"\0asm";
/// Version and layer, the four bytes after the magic.
const CORE_MODULE: &[u8] = &[1, 0, 0, 0];
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];

/// The bytes of a component file.
///
/// # Errors
/// When it cannot be read, or is not a whole component.
pub(crate) fn read_component(path: &Path) -> Result<Vec<u8>, SandboxError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(SandboxError::file("read", path))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(SandboxError::file("read", path))?;
    if bytes.len() as u64 > LARGEST {
        let (what, hint) =
            ("it is larger than 256 MB", "put the compiled component there, without the data it works on");
        return Err(SandboxError::NotComponent { path: path.to_owned(), what, hint });
    }
    ensure_component(path, &bytes)?;
    Ok(bytes)
}

/// Refuses what is not a whole component. `path` is for the message only.
pub(crate) fn ensure_component(path: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
    let not = |what, hint| Err(SandboxError::NotComponent { path: path.to_owned(), what, hint });
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return if bytes.is_empty() {
            not("it is empty", "build or copy the file again")
        } else if bytes.iter().take(512).all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..)) {
            not("it is a text file", "put the compiled `.wasm` there, not its source")
        } else {
            not("it is not WebAssembly", "put a component built for `wasm32-wasip2` there")
        };
    };
    let damaged = |message: String| Err(SandboxError::Damaged { path: path.to_owned(), message });
    match rest.get(..4) {
        Some(CORE_MODULE) => {
            not("it is a core module", "build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`")
        }
        Some(COMPONENT) => match missing_bytes(&rest[4..]) {
            0 => Ok(()),
            missing => damaged(format!("at least {missing} bytes are missing at its end")),
        },
        Some(_) => not("its WebAssembly version is unknown", "build it with a current toolchain"),
        None => damaged("it ends within its first eight bytes".to_owned()),
    }
}

/// How many bytes the last section lacks; 0 when all sections end where they say.
fn missing_bytes(mut sections: &[u8]) -> usize {
    while let Some((_id, rest)) = sections.split_first() {
        let Some((size, rest)) = read_leb128(rest) else { return 1 };
        if size > rest.len() {
            return size - rest.len();
        }
        sections = &rest[size..];
    }
    0
}

/// An unsigned 32-bit number and what follows it.
fn read_leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0_u64;
    for (position, byte) in bytes.iter().enumerate().take(5) {
        number |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, &bytes[position + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        ensure_component(Path::new("x.wasm"), bytes).expect_err("refused").to_string()
    }

    #[test]
    fn every_wrong_file_has_its_own_message() {
        assert_eq!(message(b""), "`x.wasm` is not a component: it is empty");
        assert_eq!(message("schöner Text\n".as_bytes()), "`x.wasm` is not a component: it is a text file");
        assert_eq!(message(b"\x7fELF\x02\x01"), "`x.wasm` is not a component: it is not WebAssembly");
        assert_eq!(message(b"\0asm\x01\0\0\0"), "`x.wasm` is not a component: it is a core module");
        assert_eq!(message(b"\0asm\x0d\0"), "component `x.wasm` is damaged: it ends within its first eight bytes");
        let cut = b"\0asm\x0d\0\x01\0\x01\x90\x01rest";
        assert_eq!(message(cut), "component `x.wasm` is damaged: at least 140 bytes are missing at its end");
    }

    #[test]
    fn an_empty_component_is_a_component() {
        assert!(ensure_component(Path::new("x.wasm"), b"\0asm\x0d\0\x01\0").is_ok());
    }
}

//! Writes and reads archives, a part at a time: neither holds more than one part in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use host_model::Json;
use host_store::portable::{RowSum, Table};
use sha2::{Digest as _, Sha256};

use super::manifest::{FORMAT, FileSum, HEAD, Head, MANIFEST, Manifest, TableEntry};

/// How much of a table is in one part.
const PART: usize = 4 << 20;
/// zstd's own middle: three times smaller than rows are, at the speed of a disk.
const LEVEL: i32 = 3;
/// What a part or a file may have at most, so that a forged archive cannot fill the memory.
const LARGEST: u64 = 4 << 30;

/// An archive that is being written, beside the place it goes to.
pub(crate) struct Writer {
    tar: tar::Builder<zstd::Encoder<'static, BufWriter<File>>>,
    draft: PathBuf,
    path: PathBuf,
    manifest: Manifest,
    time: u64,
    table: Option<OpenTable>,
}

struct OpenTable {
    entry: (String, Vec<String>),
    sum: RowSum,
    text: String,
    parts: u32,
}

impl Writer {
    pub(crate) fn create(path: &Path, head: Head) -> anyhow::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".part-{}", std::process::id()));
        let draft = PathBuf::from(name);
        // It holds hashes of passwords, sealed secrets and perhaps the key to them.
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let file = file.with_context(|| format!("cannot write `{}`", draft.display()))?;
        let mut encoder = zstd::Encoder::new(BufWriter::new(file), LEVEL).context("the compressor cannot start")?;
        encoder.include_checksum(true).context("the compressor cannot start")?;
        let time = chrono::Utc::now().timestamp().try_into().unwrap_or_default();
        let manifest = Manifest { head, files: BTreeMap::new(), tables: Vec::new() };
        let mut writer =
            Self { tar: tar::Builder::new(encoder), draft, path: path.to_owned(), manifest, time, table: None };
        let head = writer.manifest.head.to_json().to_string();
        writer.member(HEAD, head.as_bytes(), 0o600)?;
        Ok(writer)
    }

    fn member(&mut self, name: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_mtime(self.time);
        let written = self.tar.append_data(&mut header, name, bytes);
        written.with_context(|| format!("cannot write `{}`", self.draft.display()))
    }

    /// A file of the home, under its path in there.
    pub(crate) fn file(&mut self, path: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
        let name = format!("home/{path}");
        self.member(&name, bytes, mode)?;
        let sum = FileSum { bytes: bytes.len() as u64, sha256: hex::encode(Sha256::digest(bytes)) };
        self.manifest.files.insert(name, sum);
        Ok(())
    }

    pub(crate) fn begin_table(&mut self, table: &Table) {
        let entry = (table.name.clone(), table.columns.clone());
        self.table = Some(OpenTable { entry, sum: RowSum::default(), text: String::new(), parts: 0 });
    }

    pub(crate) fn row(&mut self, line: &str) -> anyhow::Result<()> {
        if let Some(table) = &mut self.table {
            table.sum.add(line);
            table.text.push_str(line);
            table.text.push('\n');
            if table.text.len() >= PART {
                self.end_part()?;
            }
        }
        Ok(())
    }

    fn end_part(&mut self) -> anyhow::Result<()> {
        let Some(table) = &mut self.table else { return Ok(()) };
        if table.text.is_empty() {
            return Ok(());
        }
        table.parts += 1;
        let name = format!("store/{}/{:06}.ndjson", table.entry.0, table.parts);
        let text = std::mem::take(&mut table.text);
        self.member(&name, text.as_bytes(), 0o600)
    }

    /// Rows of the table that has ended.
    pub(crate) fn end_table(&mut self) -> anyhow::Result<u64> {
        self.end_part()?;
        let Some(table) = self.table.take() else { return Ok(0) };
        let (name, columns) = table.entry;
        let sum = table.sum.finish();
        let rows = sum.rows;
        self.manifest.tables.push(TableEntry { name, columns, sum });
        Ok(rows)
    }

    /// Ends the archive and puts it in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<Manifest> {
        let text = serde_json::to_string_pretty(&self.manifest.to_json()).context("the manifest")?;
        self.member(MANIFEST, text.as_bytes(), 0o600)?;
        let shown = self.draft.display().to_string();
        let cannot = || format!("cannot write `{shown}`");
        let encoder = self.tar.into_inner().with_context(cannot)?;
        let mut file = encoder.finish().with_context(cannot)?;
        file.flush().with_context(cannot)?;
        file.get_ref().sync_all().with_context(cannot)?;
        std::fs::rename(&self.draft, &self.path).with_context(|| format!("cannot write `{}`", self.path.display()))?;
        Ok(self.manifest)
    }

    /// Leaves nothing behind.
    pub(crate) fn give_up(self) {
        let _ = std::fs::remove_file(&self.draft);
    }
}

/// Something an archive holds.
pub(crate) enum Member {
    /// A file of the home: its name in the archive, its bytes, its mode.
    File { name: String, bytes: Vec<u8>, mode: u32 },
    /// Rows of a table, one a line.
    Rows { table: String, text: String },
    /// The end.
    Manifest(Box<Manifest>),
}

/// What the system said, when nothing could be read because no file has that name.
pub(crate) fn absence(error: &anyhow::Error) -> Option<&std::io::Error> {
    let found = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>())?;
    (found.kind() == std::io::ErrorKind::NotFound).then_some(found)
}

/// Opens an archive and hands over its head, then member by member.
pub(crate) async fn read(
    path: &Path,
    mut each: impl AsyncFnMut(&Head, Member) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    let decoder = zstd::Decoder::new(BufReader::new(file)).with_context(|| format!("cannot read `{shown}`"))?;
    let mut tar = tar::Archive::new(decoder);
    let mut head: Option<Head> = None;
    let broken = || format!("`{shown}` is damaged, or no backup");
    for member in tar.entries().with_context(broken)? {
        let mut member = member.with_context(broken)?;
        let name = member.path().with_context(broken)?.to_str().with_context(broken)?.to_owned();
        let (size, mode) = (member.size(), member.header().mode().with_context(broken)?);
        if size > LARGEST {
            bail!("`{shown}`: `{name}` has {size} bytes, which no backup holds in one piece");
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(PART as u64 * 2)).unwrap_or_default());
        member.read_to_end(&mut bytes).with_context(broken)?;
        let Some(head) = &head else {
            head = Some(read_head(&name, &bytes).with_context(broken)?);
            continue;
        };
        each(head, sort_out(name, bytes, mode).with_context(broken)?).await?;
    }
    // The digest of the whole archive is behind its last byte.
    io::copy(&mut tar.into_inner(), &mut io::sink()).with_context(broken)?;
    if head.is_none() { Err(anyhow::anyhow!(broken())) } else { Ok(()) }
}

fn read_head(name: &str, bytes: &[u8]) -> anyhow::Result<Head> {
    if name != HEAD {
        bail!("it begins with `{name}`, not with `{HEAD}`");
    }
    let json: Json = serde_json::from_slice(bytes).context(HEAD)?;
    match json["format"].as_u64() {
        Some(format) if format > FORMAT => bail!(
            "it has format {format}, written by version {}; this program reads formats up to {FORMAT}",
            json["program"].as_str().unwrap_or("?")
        ),
        _ => Head::read(&json).with_context(|| format!("`{HEAD}` says too little")),
    }
}

fn sort_out(name: String, bytes: Vec<u8>, mode: u32) -> anyhow::Result<Member> {
    if name == MANIFEST {
        let json: Json = serde_json::from_slice(&bytes).context(MANIFEST)?;
        let manifest = Manifest::read(&json).with_context(|| format!("`{MANIFEST}` says too little"))?;
        return Ok(Member::Manifest(Box::new(manifest)));
    }
    if let Some(path) = name.strip_prefix("home/") {
        let is_plain = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_plain || path.is_empty() {
            bail!("`{name}` leads out of the home");
        }
        return Ok(Member::File { name, bytes, mode });
    }
    if let Some((table, _)) = name.strip_prefix("store/").and_then(|rest| rest.split_once('/')) {
        let text = String::from_utf8(bytes).with_context(|| name.clone())?;
        return Ok(Member::Rows { table: table.to_owned(), text });
    }
    bail!("`{name}` is nothing that a backup holds")
}

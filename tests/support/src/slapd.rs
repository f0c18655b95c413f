//! An OpenLDAP server for tests, never one that already runs on the machine: a fresh database in a temporary folder, on a
//! free loopback port, filled from LDIF before it starts.
//!
//! `slapd` and `slapadd` are looked for in `PATH` and in `/usr/sbin`; the schemas are those of Debian's package.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::port::free_port;
use crate::process::OwnedProcess;
use crate::wait::{Waited, wait_until};

/// Another process may take the port between our look and the server's start.
const PORT_ATTEMPTS: u32 = 5;

/// A running server.
#[derive(Debug)]
pub struct Slapd {
    url: String,
    tls_url: Option<String>,
    // Ended before its folder goes: fields drop in this order.
    _server: OwnedProcess,
    _folder: TempDir,
}

/// What a server shows to those who want an encrypted connection, all in PEM.
#[derive(Debug, Clone)]
pub struct SlapdTls {
    /// Its authority.
    pub authority: String,
    /// Its certificate, for `localhost` and `127.0.0.1`.
    pub certificate: String,
    /// The key of that.
    pub key: String,
}

impl Slapd {
    /// The entry everything is below.
    pub const SUFFIX: &str = "dc=nomaflow,dc=test";
    /// An account that may read everything.
    pub const ACCOUNT: &str = "cn=admin,dc=nomaflow,dc=test";
    /// Its password.
    pub const PASSWORD: &str = "pass word/1";

    /// Starts a server with the entries of `ldif`, the suffix itself among them. Anonymous users may read too; a search
    /// gives them and others at most `size_limit` entries, whatever the page.
    ///
    /// # Errors
    /// When OpenLDAP is not installed, refuses the entries or does not start.
    pub fn start(ldif: &str, size_limit: u32) -> anyhow::Result<Self> {
        Self::start_with(ldif, size_limit, "", None)
    }

    /// [`Slapd::start`], with more lines of `slapd.conf` before the database, and with TLS: then it also listens for
    /// `ldaps` and takes StartTLS.
    ///
    /// # Errors
    /// Those of [`Slapd::start`].
    pub fn start_with(ldif: &str, size_limit: u32, more: &str, tls: Option<&SlapdTls>) -> anyhow::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("nomaflow-ldap-").tempdir().context("making a folder for slapd")?;
        let config = folder.path().join("slapd.conf");
        std::fs::create_dir(folder.path().join("db")).context("making the folder of the database")?;
        let mut more = more.to_owned();
        for (name, key, text) in tls.iter().flat_map(|tls| {
            [
                ("ca.pem", "TLSCACertificateFile", &tls.authority),
                ("cert.pem", "TLSCertificateFile", &tls.certificate),
                ("key.pem", "TLSCertificateKeyFile", &tls.key),
            ]
        }) {
            let path = folder.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("writing {name}"))?;
            more += &format!("\n{key} {}\n", path.display());
        }
        std::fs::write(&config, configuration(folder.path(), size_limit, &more)).context("writing slapd.conf")?;
        let entries = folder.path().join("entries.ldif");
        std::fs::write(&entries, ldif).context("writing the entries")?;
        let added = Command::new(program("slapadd")?).arg("-q").arg("-f").arg(&config).arg("-l").arg(&entries).output();
        let added = added.context("starting slapadd")?;
        ensure!(added.status.success(), "slapadd: {}", String::from_utf8_lossy(&added.stderr).trim());
        for _ in 0..PORT_ATTEMPTS {
            let port = free_port()?;
            let url = format!("ldap://127.0.0.1:{port}");
            let tls_url = match tls {
                Some(_) => Some(format!("ldaps://localhost:{}", free_port()?)),
                None => None,
            };
            let urls = format!("{url} {}", tls_url.as_deref().unwrap_or_default());
            let mut command = Command::new(program("slapd")?);
            command.arg("-f").arg(&config).arg("-h").arg(urls.trim()).args(["-d", "0"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = OwnedProcess::start(&mut command, libc::SIGTERM, libc::SIGKILL)?;
            let is_up = || server.exit_status().is_some() || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            if wait_until(Duration::from_secs(20), is_up) == Waited::Came && server.exit_status().is_none() {
                return Ok(Self { url, tls_url, _server: server, _folder: folder });
            }
        }
        bail!("slapd does not start on any of {PORT_ATTEMPTS} ports")
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens for encrypted connections; only with TLS.
    pub fn tls_url(&self) -> &str {
        self.tls_url.as_deref().unwrap_or_default()
    }
}

fn configuration(folder: &Path, size_limit: u32, more: &str) -> String {
    let folder = folder.display();
    let (suffix, account, password) = (Slapd::SUFFIX, Slapd::ACCOUNT, Slapd::PASSWORD);
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         pidfile {folder}/slapd.pid\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         {more}\n\
         sizelimit size.soft=500 size.hard={size_limit} size.prtotal={size_limit}\n\
         database mdb\n\
         maxsize 268435456\n\
         suffix \"{suffix}\"\n\
         rootdn \"{account}\"\n\
         rootpw \"{password}\"\n\
         directory {folder}/db\n"
    )
}

fn program(name: &str) -> anyhow::Result<PathBuf> {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&in_path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("OpenLDAP is not installed: no `{name}` in PATH or /usr/sbin"))
}

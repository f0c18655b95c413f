//! What WASI refuses, in the log of the run: a guest that opens a file outside of its folders, writes where it may read, or
//! asks for a socket gets WASI's own error, and the operator a line that names what is missing in the file of grants.
//!
//! A few functions of WASI are replaced by ones that ask it and look at the answer. What a guest's libc refuses by itself,
//! because no folder it was given begins like the path, never gets here; that it asked for its folders, and there are
//! none, is said at level debug. Invariant: nothing is allowed here that WASI refuses; what is refused besides are pipes and devices, which
//! would hold a thread of the host for as long as nobody writes to them, and links that lead up.

use std::path::{Component, Path};

use host_model::log::LogLevel;
use host_model::port::Access;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::Host as _;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode as SocketErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::grants::{denial, toml_key, toml_text};
use crate::state::CallState;

/// The line of a folder nobody here can name.
const ANY_DIRECTORY: &str = "… = { path = \"…\" }";

type Linked = wasmtime::Result<()>;
type Fd = Resource<Descriptor>;
type State<'a> = StoreContextMut<'a, CallState>;

/// Replaces functions in a linker that has WASI.
pub(crate) fn watch_denials(linker: &mut Linker<CallState>) -> Linked {
    linker.allow_shadowing(true);
    watch_directories(linker)?;
    watch_sockets(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn watch_directories(linker: &mut Linker<CallState>) -> Linked {
    linker.instance("wasi:filesystem/preopens@0.2.12")?.func_wrap(
        "get-directories",
        |mut store: State<'_>, (): ()| {
            let state = store.data_mut();
            let directories = state.filesystem().get_directories()?;
            for (fd, path) in &directories {
                state.call.directories.insert(fd.rep(), path.trim_start_matches('/').to_owned());
            }
            if directories.is_empty() {
                state.note_missing_directory();
            }
            Ok((directories,))
        },
    )?;
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: State<'_>,
         (fd, path_flags, path, open, flags): (Fd, PathFlags, String, OpenFlags, DescriptorFlags)| {
            Box::new(async move { Ok((store.data_mut().open_at(fd, path_flags, path, open, flags).await?,)) })
        },
    )?;
    macro_rules! watch_change {
        ($name:literal, $function:ident) => {
            types.func_wrap_async($name, |mut store: State<'_>, (fd, path): (Fd, String)| {
                Box::new(async move {
                    let state = store.data_mut();
                    let directory = state.call.directories.get(&fd.rep()).cloned();
                    let done = state.filesystem().$function(fd, path.clone()).await;
                    Ok((state.answer(done, directory, &path, true)?,))
                })
            })?
        };
    }
    types.func_wrap_async(
        "[method]descriptor.symlink-at",
        |mut store: State<'_>, (fd, target, path): (Fd, String, String)| {
            Box::new(async move { Ok((store.data_mut().symlink_at(fd, target, path).await?,)) })
        },
    )?;
    watch_change!("[method]descriptor.create-directory-at", create_directory_at);
    watch_change!("[method]descriptor.remove-directory-at", remove_directory_at);
    watch_change!("[method]descriptor.unlink-file-at", unlink_file_at);
    Ok(())
}

fn watch_sockets(linker: &mut Linker<CallState>) -> Linked {
    linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?.func_wrap(
        "resolve-addresses",
        |mut store: State<'_>, (network, name): (Resource<Network>, String)| {
            let state = store.data_mut();
            let found = settle(state.sockets().resolve_addresses(network, name.clone()))?;
            // Lookups are never allowed, so no other reason is possible.
            if found.is_err() {
                state.deny_socket(&format!("the address of `{name}`"), &name);
            }
            Ok((found,))
        },
    )?;
    // A function for each, because one of the two waits.
    let mut tcp = linker.instance("wasi:sockets/tcp-create-socket@0.2.12")?;
    tcp.func_wrap("create-tcp-socket", |mut store: State<'_>, (family,): (IpAddressFamily,)| {
        let state = store.data_mut();
        let made = settle(state.sockets().create_tcp_socket(family))?;
        if matches!(made, Err(SocketErrorCode::AccessDenied)) {
            state.deny_socket("a TCP socket", "…");
        }
        Ok((made,))
    })?;
    let mut udp = linker.instance("wasi:sockets/udp-create-socket@0.2.12")?;
    udp.func_wrap_async("create-udp-socket", |mut store: State<'_>, (family,): (IpAddressFamily,)| {
        Box::new(async move {
            let state = store.data_mut();
            let made = settle(state.sockets().create_udp_socket(family).await)?;
            if matches!(made, Err(SocketErrorCode::AccessDenied)) {
                state.deny_socket("a UDP socket", "…");
            }
            Ok((made,))
        })
    })?;
    Ok(())
}

/// The error a guest gets, apart from the one that traps.
fn settle<T, E>(result: Result<T, TrappableError<E>>) -> wasmtime::Result<Result<T, E>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => error.downcast().map(Err),
    }
}

impl CallState {
    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> wasmtime::Result<Result<Fd, ErrorCode>> {
        let directory = self.call.directories.get(&fd.rep()).cloned();
        let writes = open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
        let found = self.filesystem().stat_at(Resource::new_borrow(fd.rep()), path_flags, path.clone()).await;
        if let Ok(found) = settle(found)?
            && !matches!(
                found.type_,
                DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
            )
        {
            let line = format!("denied: `{path}` is neither a file nor a folder, and nothing else is opened");
            self.call.lines.push(LogLevel::Warning, &line);
            return Ok(Err(ErrorCode::NotPermitted));
        }
        let opened = self.filesystem().open_at(fd, path_flags, path.clone(), open, flags).await;
        let opened = self.answer(opened, directory.clone(), &path, writes)?;
        if let (Ok(opened), Some(directory)) = (&opened, directory) {
            // What is opened below a granted folder belongs to its grant.
            self.call.directories.insert(opened.rep(), directory);
        }
        Ok(opened)
    }

    /// A link that a guest makes is followed by others: by the host, when another granted folder lies inside of this one,
    /// and by programs of this machine. So it leads down and nowhere else, which stays true wherever it is moved to.
    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> wasmtime::Result<Result<(), ErrorCode>> {
        if !Path::new(&target).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            let line =
                format!("denied: `{path}` was to be a link to `{target}`, and a link leads neither up nor to `/`");
            self.call.lines.push(LogLevel::Warning, &line);
            return Ok(Err(ErrorCode::NotPermitted));
        }
        let directory = self.call.directories.get(&fd.rep()).cloned();
        let made = self.filesystem().symlink_at(fd, target, path.clone()).await;
        self.answer(made, directory, &path, true)
    }

    /// The answer of WASI about a path below a granted `directory`, a denial among them said to the operator.
    fn answer<T>(
        &mut self,
        result: Result<T, TrappableError<ErrorCode>>,
        directory: Option<String>,
        path: &str,
        writes: bool,
    ) -> wasmtime::Result<Result<T, ErrorCode>> {
        let result = settle(result)?;
        if matches!(result, Err(ErrorCode::NotPermitted | ErrorCode::Access))
            && let Some(name) = directory
            && let Some(grant) = self.call.grants.directories.get(&name)
        {
            if writes && grant.access == Access::Read {
                let missing = format!(
                    "{} = {{ path = {}, mode = \"read-write\" }}",
                    toml_key(&name),
                    toml_text(&grant.path.to_string_lossy())
                );
                let what = format!("directory `{name}` is granted for reading, `{path}` was to be written");
                self.log_missing_directory(&what, &missing);
            } else {
                let what = format!("`{path}` does not stay in the directory `{name}`, or this machine refuses it");
                self.log_missing_directory(&what, ANY_DIRECTORY);
            }
        }
        Ok(result)
    }

    /// Only for who looks closely: many a libc asks for the folders at its start, whether it wants a file or not.
    fn note_missing_directory(&mut self) {
        let what = "it asked for its folders, and none is granted: no file opens";
        let message = denial(what, ANY_DIRECTORY, "grants.directories", &self.call.grants_file);
        self.call.lines.push(LogLevel::Debug, &message);
    }

    fn log_missing_directory(&mut self, what: &str, missing: &str) {
        let message = denial(what, missing, "grants.directories", &self.call.grants_file);
        self.log_denial(&message);
    }

    fn deny_socket(&mut self, what: &str, host: &str) {
        let what = format!("it asked for {what}; sockets are never granted, requests of `nomaflow:step/http` are");
        let message = denial(&what, &format!("hosts = [{}]", toml_text(host)), "grants.http", &self.call.grants_file);
        self.log_denial(&message);
    }
}

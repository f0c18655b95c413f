//! Guests that go past the SDK and the standard library, straight to WASI: sockets, name lookups, streams without asking.

use nomaflow_guest::Error;
use serde_json::{Value, json};

#[allow(missing_docs, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:zoo;

            world zoo {
                import wasi:sockets/instance-network@0.2.0;
                import wasi:sockets/ip-name-lookup@0.2.0;
                import wasi:sockets/tcp-create-socket@0.2.0;
                import wasi:sockets/udp-create-socket@0.2.0;
                import wasi:cli/stdout@0.2.0;
                import wasi:filesystem/preopens@0.2.0;
            }

            package wasi:filesystem@0.2.0 {
                interface types {
                    enum error-code {
                        access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large,
                        illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory, loop,
                        too-many-links, message-size, name-too-long, no-device, no-entry, no-lock,
                        insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable,
                        unsupported, no-tty, no-such-device, overflow, not-permitted, pipe, read-only, invalid-seek,
                        text-file-busy, cross-device,
                    }
                    resource descriptor {
                        symlink-at: func(old-path: string, new-path: string) -> result<_, error-code>;
                    }
                }
                interface preopens {
                    use types.{descriptor};
                    get-directories: func() -> list<tuple<descriptor, string>>;
                }
            }

            package wasi:sockets@0.2.0 {
                interface network {
                    resource network;
                    enum error-code {
                        unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
                        concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
                        address-not-bindable, address-in-use, remote-unreachable, connection-refused,
                        connection-reset, connection-aborted, datagram-too-large, name-unresolvable,
                        temporary-resolver-failure, permanent-resolver-failure,
                    }
                    enum ip-address-family { ipv4, ipv6 }
                }
                interface instance-network {
                    use network.{network};
                    instance-network: func() -> network;
                }
                interface ip-name-lookup {
                    use network.{network, error-code};
                    resource resolve-address-stream;
                    resolve-addresses: func(network: borrow<network>, name: string)
                        -> result<resolve-address-stream, error-code>;
                }
                interface tcp { resource tcp-socket; }
                interface udp { resource udp-socket; }
                interface tcp-create-socket {
                    use network.{error-code, ip-address-family};
                    use tcp.{tcp-socket};
                    create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
                }
                interface udp-create-socket {
                    use network.{error-code, ip-address-family};
                    use udp.{udp-socket};
                    create-udp-socket: func(address-family: ip-address-family) -> result<udp-socket, error-code>;
                }
            }

            package wasi:io@0.2.0 {
                interface error { resource error; }
                interface streams {
                    use error.{error};
                    variant stream-error { last-operation-failed(error), closed }
                    resource output-stream {
                        write: func(contents: list<u8>) -> result<_, stream-error>;
                        write-zeroes: func(len: u64) -> result<_, stream-error>;
                    }
                }
            }

            package wasi:cli@0.2.0 {
                interface stdout {
                    use wasi:io/streams@0.2.0.{output-stream};
                    get-stdout: func() -> output-stream;
                }
            }
        ",
        world: "zoo",
        generate_all,
    });
}

use bindings::wasi::cli::stdout::get_stdout;
use bindings::wasi::filesystem::preopens::get_directories;
use bindings::wasi::sockets::instance_network::instance_network;
use bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
use bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily};
use bindings::wasi::sockets::tcp_create_socket::create_tcp_socket;
use bindings::wasi::sockets::udp_create_socket::create_udp_socket;

#[derive(serde::Deserialize)]
pub(crate) struct Ask {
    host: String,
}

fn outcome<T>(result: Result<T, ErrorCode>) -> Value {
    match result {
        Ok(_) => json!("ok"),
        Err(code) => json!(code.name()),
    }
}

/// The address of a host.
pub(crate) fn resolve(params: Ask) -> Result<Value, Error> {
    Ok(json!({"answer": outcome(resolve_addresses(&instance_network(), &params.host))}))
}

/// A socket of each kind.
pub(crate) fn sockets(_: Value) -> Result<Value, Error> {
    let (tcp, udp) = (create_tcp_socket(IpAddressFamily::Ipv4), create_udp_socket(IpAddressFamily::Ipv6));
    Ok(json!({"tcp": outcome(tcp), "udp": outcome(udp)}))
}

/// Writes to standard output for ever, without asking whether there is room.
pub(crate) fn unasked(_: Value) -> Result<Value, Error> {
    let stdout = get_stdout();
    loop {
        let _ = stdout.write(&b"x\n".repeat(2048));
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct Zeroes {
    n: u64,
}

/// So many zeroes at once: a number for the guest, bytes for the host.
pub(crate) fn zeroes(params: Zeroes) -> Result<Value, Error> {
    let _ = get_stdout().write_zeroes(params.n);
    Ok(Value::Null)
}

#[derive(serde::Deserialize)]
pub(crate) struct Link {
    folder: String,
    target: String,
    name: String,
}

/// Makes a link in a granted folder.
pub(crate) fn link(params: Link) -> Result<Value, Error> {
    let folders = get_directories();
    let Some((folder, _)) = folders.iter().find(|(_, name)| *name == params.folder) else {
        return Err(Error::invalid("there is no such folder"));
    };
    let answer = folder.symlink_at(&params.target, &params.name).map_or_else(|code| code.name(), |()| "ok");
    Ok(json!({"answer": answer}))
}

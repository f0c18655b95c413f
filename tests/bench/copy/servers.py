"""Private database servers for the measurement: each in a folder of its own, on a free port of loopback, ended with the
`with` block."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def find(program, package):
    """The path of a server program, or the end of this one."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    path = os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"])
    found = shutil.which(program, path=path)
    if not found:
        sys.exit(f"copy: `{program}` is not installed (Debian: apt-get install {package})")
    return found


@contextlib.contextmanager
def running(command, is_ready, folder):
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if is_ready():
                break
            if process.poll() is not None:
                sys.exit(f"copy: `{command[-1]}` ended with {process.returncode} at once")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def own_folder(user):
    """A folder of `user`'s, and the words that run a program as that user: servers refuse to be root's."""
    folder = tempfile.mkdtemp(prefix="nomaflow-bench-")
    if os.geteuid() != 0:
        return folder, []
    shutil.chown(folder, user)
    return folder, ["runuser", "-u", user, "--"]


@contextlib.contextmanager
def postgres():
    """The URL of a PostgreSQL server, without the database."""
    initdb, server = find("initdb", "postgresql"), find("postgres", "postgresql")
    folder, as_user = own_folder("postgres")
    data, port = f"{folder}/data", free_port()
    subprocess.run([*as_user, initdb, "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
                   check=True, stdout=subprocess.DEVNULL, cwd=folder)
    options = ["listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "max_wal_size=8GB"]
    command = [*as_user, server, "-D", data, "-p", str(port), *(word for o in options for word in ("-c", o))]
    url = f"postgres://bench@127.0.0.1:{port}"
    probe = ["psql", f"{url}/postgres", "-qc", "select 1"]
    with running(command, lambda: subprocess.run(probe, capture_output=True).returncode == 0, folder):
        yield url


@contextlib.contextmanager
def mariadb():
    """The port of a MariaDB server with the database `bench` of the user `bench`, password `bench`."""
    install, server = find("mariadb-install-db", "mariadb-server"), find("mariadbd", "mariadb-server")
    folder, as_user = own_folder("mysql")
    data, port, sock = f"{folder}/data", free_port(), f"{folder}/s"
    # Its own: a server that starts empties the one it shares with others.
    temporary = f"--tmpdir={folder}"
    subprocess.run([*as_user, install, "--no-defaults", f"--datadir={data}", temporary, "--auth-root-authentication-method=normal",
                    "--skip-test-db"], check=True, capture_output=True, cwd=folder)
    command = [*as_user, server, "--no-defaults", f"--datadir={data}", f"--socket={sock}", temporary, f"--port={port}",
               "--bind-address=127.0.0.1", "--local-infile=1", "--character-set-server=utf8mb4"]
    admin = ["mariadb", "--no-defaults", "-u", "root", f"--socket={sock}", "-e"]
    with running(command, lambda: subprocess.run([*admin, "select 1"], capture_output=True).returncode == 0, folder):
        subprocess.run([*admin, "create database bench; create user bench@'%' identified by 'bench';"
                                "grant all on bench.* to bench@'%'"], check=True)
        yield port

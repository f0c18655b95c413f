#!/usr/bin/env python3
"""From a log line to a listener's screen: a step logs a thousand lines a second, each with the instant it was said; a
listener of the event stream notes when it hears it. So the figures hold the way into the store as well. Once with the
run in the process that is listened to, once with the run in another process on the same PostgreSQL.

    python3 tests/bench/live.py target/release/nomaflow
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent / "copy"))
import servers  # noqa: E402

SECONDS, PER_SECOND = 10, 1000
STEP = f"""
import time

def talk(ctx):
    began = time.monotonic()
    for n in range({SECONDS * PER_SECOND}):
        pause = began + n / {PER_SECOND} - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        ctx.log.info("%.6f", time.time())
"""
JOB = '[[jobs]]\nid = "talk"\n[[jobs.steps]]\nname = "talk"\ntype = "python"\ncallable = "talk:talk"\n'


@contextlib.contextmanager
def serving(nomaflow, home, store, *words):
    command = [nomaflow, "--home", home, "serve", *words]
    env = {"NOMAFLOW_STORE_URL": store, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    try:
        yield server
    finally:
        server.terminate()
        server.wait(60)


def address(server):
    for line in server.stdout:
        if "listening" in line:
            return line.split()[-1]
    sys.exit("live.py: the server did not start")


def request(url, token, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=60)


def hear(url, token, run, heard):
    """Notes for each line when it was said and when it was heard."""
    name = ""
    with request(f"{url}/admin/events?run={run}", token) as stream:
        for raw in stream:
            line = raw.decode().rstrip("\n")
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:") and name == "log":
                now = time.time()
                for entry in json.loads(line[5:])["lines"]:
                    with contextlib.suppress(ValueError):
                        heard.append((float(entry["message"]), now))
            elif line.startswith("data:") and name == "run":
                view = json.loads(line[5:])
                if view["id"] == run and view["finished_at"]:
                    return


def measure(title, url, token, placement):
    with request(f"{url}/admin/jobs/talk/run", token, {"placement": placement}) as answer:
        run = json.load(answer)["run_id"]
    heard = []
    hear(url, token, run, heard)
    # What was said before the listener came is not late but old.
    first = heard[0][1]
    delays = sorted(now - said for said, now in heard if said > first)
    at = lambda share: delays[min(len(delays) - 1, int(len(delays) * share))] * 1000
    print(f"{title:34} {len(delays):6} lines, p50 {at(0.5):5.0f} ms, p99 {at(0.99):5.0f} ms, max {at(1):5.0f} ms", flush=True)


def lay_out(nomaflow, home):
    subprocess.run([nomaflow, "init", home], check=True, stdout=subprocess.DEVNULL)
    app = pathlib.Path(home, "plugins/bench")
    app.mkdir(parents=True)
    (app / "jobs.toml").write_text(JOB)
    (app / "talk.py").write_text(STEP)
    return lambda: pathlib.Path(home, "data/bootstrap.token").read_text().strip()


def main(nomaflow):
    with tempfile.TemporaryDirectory() as home:
        token = lay_out(nomaflow, home)
        with serving(nomaflow, home, "sqlite:data/n.db", "--listen", "127.0.0.1:0") as server:
            measure("the same process, SQLite", address(server), token(), "here")
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as other, servers.postgres() as base:
        token = lay_out(nomaflow, home)
        lay_out(nomaflow, other)
        store = f"{base}/postgres"
        with serving(nomaflow, home, store, "--listen", "127.0.0.1:0") as server:
            url = address(server)
            measure("the same process, PostgreSQL", url, token(), "here")
            with serving(nomaflow, other, store, "--role", "worker", "--label", "far"):
                measure("another process, PostgreSQL", url, token(), "label:far")


if __name__ == "__main__":
    main(sys.argv[1])

"""The systems of the flow bench: how each is started, and how one flow is run and timed."""

import contextlib
import datetime
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import servers

STEPS = 40
LONGEST_START, LONGEST_FLOW = 180, 900
# Servers that run, with their logs.
STARTED = []
FIBO = "def fibo(n):\n    return n if n < 2 else fibo(n - 1) + fibo(n - 2)\n"


def ask(url, token=None, body=None):
    """The JSON answer to GET, or to POST of `body`."""
    headers = {"Content-Type": "application/json", "X-Nomaflow-Client": "bench/1"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return json.load(answer)


def wait_for(condition, longest=LONGEST_START, pause=0.2):
    """What `condition` is once it is true; errors of the network count as not yet, and the end of a server as the end."""
    deadline = time.monotonic() + longest
    while True:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError, FileNotFoundError):
            found = condition()
            if found:
                return found
        for process, log in STARTED:
            if process.poll() is not None:
                words = pathlib.Path(log.name).read_text(errors="replace").strip().splitlines()[-5:]
                sys.exit("\n".join([f"flow: `{process.args[0]}` ended with {process.returncode}", *words]))
        if time.monotonic() > deadline:
            sys.exit(f"flow: nothing happened within {longest} s")
        time.sleep(pause)


def start(stack, command, log, env, folder):
    """A process that ends with the stack."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=folder,
                               start_new_session=True)
    STARTED.append((process, log))

    def end():
        STARTED.remove((process, log))
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        # And whatever it has started; its group is its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    stack.callback(end)


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Nomaflow:
    """`nomaflow serve` on a fresh home; a job of 40 `python` steps, each of them an attempt of its own in a warm worker
    process. The worker's start is in the run that nobody counts, and so is that of the others."""

    name, packages, most_rounds = "nomaflow", [], 1_000
    what = "serve on SQLite, run by POST"

    def __init__(self, program):
        self.program = program

    def start(self, stack, folder, _):
        home = folder / "home"
        subprocess.run([self.program, "init", home], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        app = home / "plugins/bench"
        app.mkdir(parents=True)
        (app / "light.py").write_text(FIBO + "\ndef step(*, n: int):\n    return {'value': fibo(n)}\n")
        step = '[[jobs.steps]]\nname = "s{}"\ntype = "python"\ncallable = "light:step"\nop_kwargs = {{ n = 10 }}\n'
        (app / "jobs.toml").write_text('[[jobs]]\nid = "light"\n' + "".join(step.format(n) for n in range(STEPS)))
        log = stack.enter_context(open(folder / "log", "wb"))
        start(stack, [self.program, "--home", home, "serve", "--listen", "127.0.0.1:0"], log, None, folder)
        address = home / "data/server.address"
        self.url = wait_for(lambda: address.read_text().endswith("\n") and address.read_text().splitlines()[0])
        self.token = (home / "data/bootstrap.token").read_text().strip()

    def run(self):
        began = time.time()
        run = ask(f"{self.url}/admin/jobs/light/run", self.token, {})["run_id"]

        def ended():
            shown = ask(f"{self.url}/admin/jobs/runs/{run}", self.token)
            return shown if shown["run"]["status"] not in ("QUEUED", "RUNNING") else None

        shown = wait_for(ended, LONGEST_FLOW, 0.05)
        assert shown["run"]["status"] == "SUCCEEDED" and len(shown["steps"]) == STEPS, shown["run"]
        return instant(shown["run"]["finished_at"]) - began


class Prefect:
    """`prefect server start`, and a Python process that has imported the flow and calls it: each task and its states are
    recorded by the server. From the call to its return. This favors Prefect: a run of a deployment also waits until a
    worker asks for it and has started a process."""

    name, packages, most_rounds = "prefect", ["prefect==3.8.8", "fastapi==0.140.13"], 20
    what = "prefect server on SQLite, the flow called in a warm process"
    FLOW = """
import sys, time
from prefect import flow, task

{fibo}

@task
def step(n):
    return fibo(n)

@flow
def light():
    for _ in range({steps}):
        step(10)

if __name__ == "__main__":
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.time()
        light()
        print(time.time() - began, flush=True)
"""

    def start(self, stack, folder, interpreter):
        port = servers.free_port()
        env = os.environ | {
            "PREFECT_HOME": str(folder / "home"), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_CLOUD_API_KEY": "",
            "PREFECT_LOGGING_LEVEL": "WARNING", "NO_COLOR": "1",
        }
        log = stack.enter_context(open(folder / "log", "wb"))
        prefect = pathlib.Path(interpreter).with_name("prefect")
        start(stack, [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)], log, env, folder)
        wait_for(lambda: ask(f"http://127.0.0.1:{port}/api/health"))
        (folder / "light.py").write_text(self.FLOW.format(fibo=FIBO, steps=STEPS))
        self.process = subprocess.Popen([interpreter, folder / "light.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                        text=True, env=env, cwd=folder)
        stack.callback(self.end)
        self.said("ready")

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)

    def said(self, word=None):
        line = self.process.stdout.readline().strip()
        assert line and (word is None or line == word), f"the flow ended: {line}"
        return line

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.said())


class Airflow:
    """What Airflow's guide calls the components: `api-server`, `scheduler` with the LocalExecutor and `dag-processor`, on
    PostgreSQL; a Dag of 40 tasks in a chain, a run of it created through the REST API, its end the Dag run's `end_date`. All
    settings are the defaults but those of addresses, the executor's parallelism included."""

    name, most_rounds = "airflow", 2
    packages = ["apache-airflow==3.3.2", "psycopg2-binary", "asyncpg"]
    what = "api-server, scheduler with LocalExecutor and dag-processor on PostgreSQL, run by POST"
    DAG = """
import datetime
from airflow.sdk import DAG, task

{fibo}

with DAG("light", schedule=None, start_date=datetime.datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=False):
    before = None
    for number in range({steps}):
        @task(task_id=f"s{{number}}")
        def step(n):
            return fibo(n)

        this = step(10)
        if before is not None:
            before >> this
        before = this
"""

    def start(self, stack, folder, interpreter):
        database = stack.enter_context(servers.postgres())
        subprocess.run(["psql", f"{database}/postgres", "-qc", "create database airflow"], check=True)
        port, home = servers.free_port(), folder / "home"
        (home / "dags").mkdir(parents=True)
        (home / "dags/light.py").write_text(self.DAG.format(fibo=FIBO, steps=STEPS))
        self.url = f"http://127.0.0.1:{port}"
        connection = database.removeprefix("postgres") + "/airflow"
        settings = {
            "CORE__EXECUTOR": "LocalExecutor", "CORE__LOAD_EXAMPLES": "False", "CORE__DAGS_FOLDER": str(home / "dags"),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/", "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2{connection}",
            "DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg{connection}",
            "API__BASE_URL": self.url, "API__PORT": str(port), "API__HOST": "127.0.0.1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(32), "API__SECRET_KEY": secrets.token_hex(32),
            # Its log server listens on every address otherwise.
            "LOGGING__WORKER_LOG_SERVER_PORT": str(servers.free_port()),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        env = os.environ | {"AIRFLOW_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "", "NO_COLOR": "1",
                            "PATH": f"{pathlib.Path(interpreter).parent}{os.pathsep}{os.environ['PATH']}"}
        env |= {f"AIRFLOW__{name}": value for name, value in settings.items()}
        log = stack.enter_context(open(folder / "log", "wb"))
        airflow = pathlib.Path(interpreter).with_name("airflow")
        subprocess.run([airflow, "db", "migrate"], check=True, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for component in (["api-server", "--host", "127.0.0.1", "--port", str(port)], ["dag-processor"], ["scheduler"]):
            start(stack, [airflow, *component], log, env, folder)
        self.token = wait_for(lambda: ask(f"{self.url}/auth/token")["access_token"])
        wait_for(self.is_known)

    def is_known(self):
        with contextlib.suppress(urllib.error.HTTPError):
            return not ask(f"{self.url}/api/v2/dags/light", self.token)["is_paused"]

    def run(self):
        runs = f"{self.url}/api/v2/dags/light/dagRuns"
        began = time.time()
        run = ask(runs, self.token, {"logical_date": None})["dag_run_id"]

        def ended():
            shown = ask(f"{runs}/{urllib.request.quote(run)}", self.token)
            return shown if shown["state"] in ("success", "failed") else None

        shown = wait_for(ended, LONGEST_FLOW, 0.5)
        assert shown["state"] == "success", shown
        return instant(shown["end_date"]) - began

// Stand-ins for Nomaflow, so that a step is tested as a plain function; the documentation is in testing.d.ts.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import { call } from "./callables.js";
import { StepError } from "./errors.js";
import { install } from "./host.js";

/** SQLite came to Node.js with version 22.5. */
const sqlite = await import("node:sqlite").catch(() => null);
export const hasSqlite = sqlite !== null;

export class Sqlite {
  #database;

  constructor(script = "") {
    if (!hasSqlite) throw new Error("this Node.js has no SQLite: use version 22.5 or newer, or `nomaflow plugin test`");
    this.#database = new sqlite.DatabaseSync(":memory:");
    this.#database.exec(script);
  }

  rows(statement) {
    return this.#database.prepare(statement).all().map((row) => Object.values(row));
  }

  dialect() {
    return "sqlite";
  }

  execute(statement, binds) {
    return guarded("invalid", () => Number(this.#database.prepare(statement).run(named(binds)).changes));
  }

  query(statement, binds) {
    return guarded("invalid", () => {
      const prepared = this.#database.prepare(statement);
      const columns = prepared.columns().map(({ name }) => name);
      const rows = prepared.all(named(binds)).map((row) => columns.map((name) => row[name]));
      return { columns, batches: rows.length ? [rows] : [] };
    });
  }

  insertRows(table, columns, rows) {
    const quote = (name) => `"${name.replaceAll('"', '""')}"`;
    const into = table.split(".").map(quote).join(".");
    const places = columns.map(() => "?").join(", ");
    // The statement is made here: what is unknown are the names in it.
    return guarded("not-found", () => {
      // All or none, inside a transaction and without one.
      this.#database.exec("savepoint rows");
      try {
        const statement = this.#database.prepare(`insert into ${into} (${columns.map(quote).join(", ")}) values (${places})`);
        for (const row of rows) statement.run(...row.map((value) => value ?? null));
        return rows.length;
      } catch (error) {
        this.#database.exec("rollback to rows");
        throw error;
      } finally {
        this.#database.exec("release rows");
      }
    });
  }

  begin() {
    this.#database.exec("begin");
  }

  commit() {
    this.#database.exec("commit");
  }

  rollback() {
    this.#database.exec("rollback");
  }
}

function named(binds) {
  return Object.fromEntries(Object.entries(binds).map(([name, value]) => [`:${name}`, value ?? null]));
}

function guarded(unknown, run) {
  try {
    return run();
  } catch (error) {
    const isName = /no such table|has no column named/i.test(error.message);
    throw new StepError(/constraint/i.test(error.message) ? "conflict" : isName ? unknown : "invalid", error.message);
  }
}

/** Runs `test` with a stand-in installed and returns what it heard. */
export function withHost(options, test) {
  const { connectors = {}, facts = {}, params = {}, secrets = {}, state = new Map(), responses = {}, entries = {}, cancelAfter } = options;
  const heard = { lines: [], progress: [], requests: [], state, result: undefined };
  const granted = (known, name) => {
    if (!(name in known)) throw new StepError("denied", `\`${name}\` is not granted`);
    return known[name];
  };
  const before = install({
    log: (level, message, fields) => heard.lines.push({ level, message, fields: Object.fromEntries(fields) }),
    fact: (key) => facts[key],
    parameter: (name) => params[name],
    report: (done, total, note) => heard.progress.push({ done, total, note }),
    isCanceled: () => cancelAfter !== undefined && heard.progress.length >= cancelAfter,
    openSession: (name) => granted(connectors, name),
    send(request) {
      heard.requests.push(request);
      return { headers: [], url: request.url, ...granted(responses, `${request.method} ${request.url}`) };
    },
    stateGet: (key) => state.get(key),
    stateSet: (key, value) => void state.set(key, value),
    stateCompareAndSet: (key, expected, value) => state.get(key) === expected && Boolean(state.set(key, value)),
    stateDelete: (key) => state.delete(key),
    stateScan: (prefix, after) => [...state].filter(([key]) => key.startsWith(prefix) && (after === undefined || key > after)).sort(([a], [b]) => (a < b ? -1 : 1)),
    secret: (name) => granted(secrets, name),
    search: (name) => granted(entries, name),
  });
  try {
    heard.result = test();
  } finally {
    install(before);
  }
  return heard;
}

/** Runs the cases of a file as tests: `checkCases(new URL("cases.json", import.meta.url), test)`. */
export function checkCases(file, test) {
  for (const it of JSON.parse(readFileSync(file, "utf8"))) {
    const needsSqlite = Object.keys(it.connectors ?? {}).length > 0;
    // The same case runs in the sandbox afterwards, with a real connector.
    test(it.name, { skip: needsSqlite && !hasSqlite ? "this Node.js has no SQLite" : false }, () => checkCase(it));
  }
}

function checkCase({ callable, params = {}, connectors = {}, result, error, after = {} }) {
  const databases = Object.fromEntries(Object.entries(connectors).map(([name, script]) => [name, new Sqlite(script)]));
  let got, failed;
  withHost({ connectors: databases, params }, () => {
    try {
      got = JSON.parse(call(callable, JSON.stringify(params)));
    } catch (thrown) {
      failed = thrown;
    }
  });
  if (failed && error === undefined) throw new Error(`failed with "${failed.code}": ${failed.message}`);
  if (error !== undefined && !failed) throw new Error(`gives ${JSON.stringify(got)} and not the error "${error}"`);
  if (failed && !failed.isA(error)) {
    throw new Error(`the error is "${failed.code}", not "${error}": ${failed.message}`);
  }
  if (error === undefined) same(got, result, "the result");
  for (const [name, { query, rows }] of Object.entries(after)) same(databases[name].rows(query), rows, `what \`${name}\` holds`);
}

function same(got, wanted, what) {
  if (!isDeepStrictEqual(got, wanted)) throw new Error(`${what} is ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
}

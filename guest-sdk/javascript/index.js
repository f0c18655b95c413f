// Write a Nomaflow step in JavaScript or TypeScript; the types and the documentation are in index.d.ts.
import { host, present } from "./host.js";
import { StepError } from "./errors.js";

export { callable } from "./callables.js";
export { StepError } from "./errors.js";

function line(level) {
  return (message, fields = {}) => {
    const pairs = Object.entries(fields).map(([name, value]) => [name, String(value)]);
    present()?.log(level, String(message), pairs);
  };
}

export const log = { trace: line("trace"), debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };

export const context = {
  get: (key) => present()?.fact(key),
  parameter: (name) => present()?.parameter(name),
  report: (done, total, note = "") => present()?.report(done, total, note),
  isCanceled: () => present()?.isCanceled() ?? false,
  check() {
    if (context.isCanceled()) throw new StepError("canceled", "the step stopped because the run is being canceled");
  },
};

class Connection {
  #session;

  constructor(session) {
    this.#session = session;
  }

  get dialect() {
    return this.#session.dialect();
  }

  execute(statement, binds = {}) {
    return this.#session.execute(statement, binds);
  }

  *query(statement, binds = {}, { batchSize = 0 } = {}) {
    const { columns, batches } = this.#session.query(statement, binds, batchSize);
    for (const batch of batches) {
      for (const cells of batch) {
        yield Object.fromEntries(cells.map((cell, at) => [columns[at], cell]));
      }
    }
  }

  insertRows(table, columns, rows) {
    return this.#session.insertRows(table, columns, rows);
  }

  transaction(work) {
    this.#session.begin();
    let result;
    try {
      result = work(this);
    } catch (error) {
      this.#session.rollback();
      throw error;
    }
    this.#session.commit();
    return result;
  }
}

export const sql = { open: (name) => new Connection(host(`the connector \`${name}\``).openSession(name)) };

export const http = {
  send(method, url, { headers = {}, body, json, timeout, maxRedirects = 5 } = {}) {
    const pairs = Object.entries(headers);
    let bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    if (json !== undefined) {
      bytes = new TextEncoder().encode(JSON.stringify(json));
      pairs.push(["content-type", "application/json"]);
    }
    const timeoutMs = timeout === undefined ? undefined : Math.round(timeout * 1000);
    const got = host(`\`${method} ${url}\``).send({ method, url, headers: pairs, body: bytes, timeoutMs, maxRedirects });
    const text = () => (typeof got.body === "string" ? got.body : new TextDecoder().decode(got.body));
    const header = (name) => got.headers.find(([key]) => key === name.toLowerCase())?.[1];
    return { ...got, text, header, json: () => JSON.parse(text()) };
  },
};

export const state = {
  get: (key) => host("state").stateGet(key),
  set: (key, value) => host("state").stateSet(key, value),
  compareAndSet: (key, expected, value) => host("state").stateCompareAndSet(key, expected, value),
  delete: (key) => host("state").stateDelete(key),
  *scan(prefix = "") {
    let after;
    for (;;) {
      const page = host("state").stateScan(prefix, after);
      if (page.length === 0) return;
      yield* page;
      after = page[page.length - 1][0];
    }
  },
};

export const secrets = { get: (name) => host("secrets").secret(name) };

export const ldap = {
  *search(connector, filter, { base, scope = "subtree", attributes = [], pageSize = 0 } = {}) {
    yield* host(`the connector \`${connector}\``).search(connector, { base, scope, filter, attributes, pageSize });
  },
};

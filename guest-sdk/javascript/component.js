// The exports of a component, and its imports as the far side of the SDK. Only a component holds this module.
import * as contextImports from "nomaflow:step/context@1.0.0";
import * as httpImports from "nomaflow:step/http@1.0.0";
import * as ldapImports from "nomaflow:step/ldap@1.0.0";
import * as logImports from "nomaflow:step/log@1.0.0";
import * as secretsImports from "nomaflow:step/secrets@1.0.0";
import * as sqlImports from "nomaflow:step/sql@1.0.0";
import * as stateImports from "nomaflow:step/state@1.0.0";

import { call, registered } from "./callables.js";
import { StepError } from "./errors.js";
import { install } from "./host.js";
import { fromCell, toCell } from "./cells.js";

/** Calls an import; its error becomes ours. */
function ask(run) {
  try {
    return run();
  } catch (thrown) {
    const error = thrown?.payload ?? thrown;
    if (typeof error?.code !== "string") throw thrown;
    throw new StepError(error.code, error.message, { retryable: error.retryable, detail: error.detail });
  }
}

function toBinds(binds) {
  return Object.entries(binds).map(([name, value]) => [name, toCell(value)]);
}

class Session {
  #connection;

  constructor(connection) {
    this.#connection = connection;
  }

  dialect() {
    return this.#connection.dialect();
  }

  execute(statement, binds) {
    return Number(ask(() => this.#connection.execute(statement, toBinds(binds))));
  }

  query(statement, binds, batchSize) {
    const cursor = ask(() => this.#connection.query(statement, toBinds(binds)));
    return { columns: cursor.columns().map(({ name }) => name), batches: batchesOf(cursor, batchSize) };
  }

  insertRows(table, columns, rows) {
    const cells = rows.map((row) => row.map(toCell));
    return Number(ask(() => this.#connection.insertRows(table, columns, { rows: cells })));
  }

  begin() {
    ask(() => this.#connection.begin());
  }

  commit() {
    ask(() => this.#connection.commit());
  }

  rollback() {
    ask(() => this.#connection.rollback());
  }
}

function* batchesOf(cursor, size) {
  try {
    for (;;) {
      const { rows } = ask(() => cursor.fetch(size));
      if (rows.length === 0) return;
      yield rows.map((row) => row.map(fromCell));
    }
  } finally {
    // The connection is busy until its cursor is gone; a collector may take its time.
    cursor[Symbol.dispose ?? Symbol.for("dispose")]?.();
  }
}

install({
  log: (level, message, fields) => logImports.write(level, message, fields),
  fact: (key) => contextImports.get(key),
  parameter: (name) => {
    const text = contextImports.parameter(name);
    return text === undefined || text === null ? undefined : JSON.parse(text);
  },
  report: (done, total, note) => contextImports.report(BigInt(done), total === undefined ? undefined : BigInt(total), note),
  isCanceled: () => contextImports.canceled(),
  openSession: (name) => new Session(ask(() => sqlImports.Connection.open(name))),
  send: (request) => ask(() => httpImports.send(request)),
  stateGet: (key) => ask(() => stateImports.get(key)) ?? undefined,
  stateSet: (key, value) => ask(() => stateImports.set(key, value)),
  stateCompareAndSet: (key, expected, value) => ask(() => stateImports.compareAndSet(key, expected, value)),
  stateDelete: (key) => ask(() => stateImports.delete(key)),
  stateScan: (prefix, after) => ask(() => stateImports.scan(prefix, after, 0)).map(({ key, value }) => [key, value]),
  secret: (name) => ask(() => secretsImports.get(name)),
  *search(connector, query) {
    const search = ask(() => ldapImports.Search.begin(connector, query));
    for (;;) {
      const page = ask(() => search.nextPage());
      if (page.length === 0) return;
      for (const { dn, attributes } of page) {
        yield { dn, attributes: Object.fromEntries(attributes.map(({ name, values }) => [name, values.val])) };
      }
    }
  },
});

export const callables = {
  describe() {
    return [...registered.values()].map(({ name, title, doc, paramsSchema, resultSchema }) => ({
      name,
      title,
      doc,
      paramsSchema: JSON.stringify(paramsSchema),
      resultSchema: JSON.stringify(resultSchema),
      meta: [],
    }));
  },

  call(name, params) {
    try {
      return call(name, params);
    } catch (error) {
      const { code = "failed", message, retryable = false, detail } = error;
      throw { code, message: String(message), retryable, detail };
    }
  },
};

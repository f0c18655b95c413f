import type { Cell } from "./index.js";

/** Whether this Node.js has SQLite (22.5 and newer). */
export const hasSqlite: boolean;

/** A SQLite database in memory behind a connector, filled by a script of any number of statements. */
export class Sqlite {
  constructor(script?: string);
  /** All rows of a query, for the test to look at. */
  rows(statement: string): Cell[][];
}

/**
 * Runs `test` with a stand-in for Nomaflow and returns what it heard. `connectors` maps names to `Sqlite` or anything with its
 * functions; `responses` maps `"GET https://…"` to `{ status, body }`; the run is canceled after `cancelAfter` reports.
 */
export function withHost<T>(
  options: {
    connectors?: Record<string, unknown>;
    facts?: Record<string, string>;
    params?: Record<string, unknown>;
    secrets?: Record<string, string>;
    state?: Map<string, string>;
    responses?: Record<string, { status: number; body: string | Uint8Array; headers?: [string, string][] }>;
    entries?: Record<string, { dn: string; attributes: Record<string, unknown> }[]>;
    cancelAfter?: number;
  },
  test: () => T,
): {
  result: T;
  lines: { level: string; message: string; fields: Record<string, string> }[];
  progress: { done: number; total?: number; note: string }[];
  requests: { method: string; url: string }[];
  state: Map<string, string>;
};

/** Runs the cases of a file, each as a test of `node:test`; `nomaflow plugin test` runs them in the sandbox as well. */
export function checkCases(file: URL | string, test: (name: string, options: object, run: () => void) => unknown): void;

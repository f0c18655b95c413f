/** Write a Nomaflow step in JavaScript or TypeScript. Calls of the host are synchronous: a callable is no async function. */

/** A JSON Schema of one param or one property of a result. With a `default`, a job may leave the param out. */
export interface Schema {
  readonly type?: SchemaType | readonly SchemaType[];
  readonly description?: string;
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
}
type SchemaType = "string" | "integer" | "number" | "boolean" | "null" | "array" | "object";
type Simple = { string: string; integer: number; number: number; boolean: boolean; null: null; array: unknown[]; object: Record<string, unknown> };
type Of<S> = S extends { readonly type: infer T } ? (T extends SchemaType ? Simple[T] : T extends readonly (infer U)[] ? (U extends SchemaType ? Simple[U] : unknown) : unknown) : unknown;

/**
 * Makes a function a callable. `doc` is Markdown; its first line is the title unless one is given. Params without a
 * `default` are required, unless `required` names them. Returns the function, with params checked and defaults filled in.
 */
export function callable<const P extends Record<string, Schema>, R extends object | void>(
  about: { name: string; title?: string; doc?: string; params?: P; required?: readonly (keyof P)[]; result?: Record<string, Schema> },
  run: (params: { [K in keyof P]: Of<P[K]> }) => R,
): (params?: { [K in keyof P]?: Of<P[K]> }) => R;

/** Why a step, or something it asked of the host, failed. The codes of the host are listed in types.wit. */
export class StepError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly detail?: string;
  constructor(code: string, message: string, options?: { retryable?: boolean; detail?: string });
  /** True when the code is `code` or a finer reason of it: `invalid.bind` is an `invalid`. */
  isA(code: string): boolean;
}

type Line = (message: string, fields?: Record<string, unknown>) => void;
/** Lines of the run's log. Nothing here fails. `console.log` works too. */
export const log: { trace: Line; debug: Line; info: Line; warn: Line; error: Line };

/** The run a step belongs to. */
export const context: {
  /** A fact such as `run.id` or `attempt`; the keys are listed in context.wit. */
  get(key: string): string | undefined;
  /** One param of this call by name, also where the call is far away. */
  parameter(name: string): unknown;
  /** Shows how far the step is, in its own unit. Once per batch is enough. */
  report(done: number, total?: number, note?: string): void;
  isCanceled(): boolean;
  /** Throws `canceled` once the run has been asked to stop; for long loops without other calls of the host. */
  check(): void;
};

/** What a cell of a row is: exact numbers, days and times are texts; whole numbers beyond 2^53 are `bigint`. */
export type Cell = null | boolean | number | bigint | string | Uint8Array;

/** One session with a database. Binds are named, `:year`, for every database. */
export interface Connection {
  readonly dialect: string;
  /** Runs one statement; returns how many rows it changed. */
  execute(statement: string, binds?: Record<string, Cell | Date>): number;
  /** Yields rows by name, fetched in batches. One query of a connection at a time. */
  query(statement: string, binds?: Record<string, Cell | Date>, options?: { batchSize?: number }): Generator<Record<string, Cell>>;
  /** Inserts rows, all or none; returns how many. */
  insertRows(table: string, columns: string[], rows: (Cell | Date)[][]): number;
  /** Commits when `work` returns, rolls back when it throws. */
  transaction<T>(work: (database: Connection) => T): T;
}
/** Databases, through the connectors the operator granted. */
export const sql: { open(name: string): Connection };

/** What a server answered, whatever its status. */
export interface Response {
  readonly status: number;
  readonly url: string;
  readonly headers: [string, string][];
  readonly body: Uint8Array;
  header(name: string): string | undefined;
  text(): string;
  json(): any;
}
/** Requests to the HTTP servers the operator granted. `timeout` is in seconds, 30 unless given. */
export const http: {
  send(method: string, url: string, options?: { headers?: Record<string, string>; body?: string | Uint8Array; json?: unknown; timeout?: number; maxRedirects?: number }): Response;
};

/** What a plugin remembers from one call to the next. Needs the grant `state = true`. */
export const state: {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  /** Sets if the present value is `expected` (`undefined`: if there is none), and tells whether it was. */
  compareAndSet(key: string, expected: string | undefined, value: string): boolean;
  delete(key: string): boolean;
  scan(prefix?: string): Generator<[key: string, value: string]>;
};

/** Secrets the operator granted, by name. */
export const secrets: { get(name: string): string };

/** Searches in LDAP directories, through the connectors the operator granted. */
export const ldap: {
  search(
    connector: string,
    filter: string,
    options?: { base?: string; scope?: "base" | "one-level" | "subtree"; attributes?: string[]; pageSize?: number },
  ): Generator<{ dn: string; attributes: Record<string, string[] | Uint8Array[]> }>;
};

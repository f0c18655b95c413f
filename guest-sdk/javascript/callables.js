// Callables: what a plugin can run. A callable is described once, by JSON Schema, and called with the params of a job.
import { StepError } from "./errors.js";

/** The callables of this plugin by name, in the order they were written. */
export const registered = new Map();

export function callable(about, run) {
  const { name, doc = "", title = doc.split("\n", 1)[0].replace(/\.$/, ""), params = {}, required, result } = about;
  if (registered.has(name)) throw new TypeError(`there are two callables \`${name}\``);
  const needed = required ?? Object.keys(params).filter((key) => !("default" in params[key]));
  const defaults = Object.fromEntries(Object.entries(params).flatMap(([key, it]) => ("default" in it ? [[key, it.default]] : [])));
  const paramsSchema = { type: "object", properties: params, required: needed, additionalProperties: false };
  const resultSchema = result ? { type: "object", properties: result, required: Object.keys(result) } : {};
  const checked = (given) => {
    for (const key of needed) {
      if (!(key in given)) throw new StepError("invalid", `the params of \`${name}\` do not fit: \`${key}\` is missing`);
    }
    for (const [key, { type }] of Object.entries(params)) {
      if (key in given && type && ![type].flat().some((each) => isOf(given[key], each))) {
        throw new StepError("invalid", `the param \`${key}\` of \`${name}\` does not fit: it is no ${[type].flat().join(" or ")}`);
      }
    }
    return { ...defaults, ...given };
  };
  const function_ = (given = {}) => run(checked(given));
  registered.set(name, { name, title, doc, paramsSchema, resultSchema, run: function_ });
  return function_;
}

function isOf(value, type) {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** Runs a callable on params in JSON, as the host does; returns JSON. Throws only `StepError`. */
export function call(name, text) {
  const found = registered.get(name);
  if (!found) throw new StepError("not-found", `there is no callable \`${name}\`; there are \`${[...registered.keys()].join("`, `")}\``);
  try {
    const result = found.run(JSON.parse(text || "{}"));
    if (typeof result?.then === "function") {
      throw new StepError("invalid", `\`${name}\` returned a promise: calls of the host are synchronous, so it need not be async`);
    }
    return JSON.stringify(result ?? {}, (_, value) => (typeof value === "bigint" ? Number(value) : value));
  } catch (error) {
    if (error instanceof StepError) throw error;
    throw new StepError("failed", String(error), { detail: error?.stack });
  }
}

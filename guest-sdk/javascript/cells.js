// Cells of rows: JavaScript's values here, the cases of `value` in types.wit there. Exact numbers, days and times are
// texts in JavaScript, which has no type that keeps them as they are; a whole number beyond 2^53 is a `bigint`.
import { StepError } from "./errors.js";

export function toCell(value) {
  switch (typeof value) {
    case "undefined":
      return { tag: "null" };
    case "boolean":
      return { tag: "boolean", val: value };
    case "bigint":
      return BigInt.asIntN(64, value) === value ? { tag: "integer", val: value } : { tag: "decimal", val: String(value) };
    case "number":
      return Number.isSafeInteger(value) ? { tag: "integer", val: BigInt(value) } : { tag: "float", val: value };
    case "string":
      return { tag: "text", val: value };
  }
  if (value === null) return { tag: "null" };
  if (value instanceof Uint8Array) return { tag: "bytes", val: value };
  if (value instanceof Date) return { tag: "timestamp", val: value.toISOString() };
  throw new StepError("invalid", `a \`${value.constructor?.name ?? typeof value}\` cannot be a cell`);
}

export function fromCell({ tag, val }) {
  if (tag === "null") return null;
  if (tag === "integer") return Number.isSafeInteger(Number(val)) ? Number(val) : BigInt(val);
  return tag === "other" ? val[1] : val;
}

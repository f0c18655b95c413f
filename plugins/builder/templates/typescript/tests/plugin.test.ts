// The tests of {{name}}, natively: `nomaflow plugin test`.
import assert from "node:assert/strict";
import test from "node:test";

import { checkCases, withHost } from "#nomaflow/testing";
import { countWords } from "../src/plugin.ts";

test("a callable is a plain function and its log can be read", () => {
  const heard = withHost({}, () => countWords({ text: "one two" }));
  assert.equal(heard.result.words, 2);
  assert.equal(heard.lines[0]?.message, "2 words, 2 of them different");
});

checkCases(new URL("cases.json", import.meta.url), test);

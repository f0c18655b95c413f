// The tests of words-js, natively: `nomaflow plugin test plugins/words-js`.
import assert from "node:assert/strict";
import test from "node:test";

import { callable } from "#nomaflow";
import { checkCases } from "#nomaflow/testing";
import { registered } from "../sdk/javascript/callables.js";
import { wordsOf } from "../src/plugin.js";

checkCases(new URL("cases.json", import.meta.url), test);

test("a word has no punctuation around it and keeps it inside", () => {
  assert.deepEqual(wordsOf("«Don't», she said: STOP… 'now'!", 1), ["«don't»", "she", "said", "stop…", "now"]);
});

test("a param may be described and called destructive", (t) => {
  const wipe = { type: "boolean", description: "All of it.", default: false, destructive: true };
  callable({ name: "tidy", params: { wipe } }, () => ({}));
  t.after(() => registered.delete("tidy"));
  assert.deepEqual(registered.get("tidy").paramsSchema.properties, { wipe });
});

// The tests of words-js, natively: `nomaflow plugin test plugins/words-js`.
import assert from "node:assert/strict";
import test from "node:test";

import { checkCases } from "#nomaflow/testing";
import { wordsOf } from "../src/plugin.js";

checkCases(new URL("cases.json", import.meta.url), test);

test("a word has no punctuation around it and keeps it inside", () => {
  assert.deepEqual(wordsOf("«Don't», she said: STOP… 'now'!", 1), ["«don't»", "she", "said", "stop…", "now"]);
});

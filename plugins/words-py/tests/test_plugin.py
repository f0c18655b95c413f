"""The tests of words-py, natively: `nomaflow plugin test plugins/words-py`."""

import pathlib
import unittest
from typing import Annotated

from nomaflow.callables import callable, registered
from nomaflow.testing import check_cases
from plugin import words_of


class Words(unittest.TestCase):
    def test_the_cases_hold(self):
        check_cases(pathlib.Path(__file__).with_name("cases.json"))

    def test_a_word_has_no_punctuation_around_it_and_keeps_it_inside(self):
        words = words_of("«Don't», she said: STOP… 'now'!", 1)
        self.assertEqual(words, ["«don't»", "she", "said", "stop…", "now"])

    def test_a_param_may_be_described_and_called_destructive(self):
        @callable
        def tidy(wipe: Annotated[bool, "All of it.", "destructive"] = False, before: Annotated[int, "destructive"] = 0):
            return {"wiped": wipe, "before": before}

        self.addCleanup(registered.pop, "tidy")
        wipe = {"type": "boolean", "description": "All of it.", "default": False, "destructive": True}
        before = {"type": "integer", "default": 0, "destructive": True}
        self.assertEqual(registered["tidy"].params_schema["properties"], {"wipe": wipe, "before": before})
        self.assertEqual(registered["tidy"].run({"wipe": True}), {"wiped": True, "before": 0})
        told = registered["word_counts"].params_schema["properties"]["min_length"]
        self.assertEqual(told["description"], "Words with fewer characters are left out.")


if __name__ == "__main__":
    unittest.main()

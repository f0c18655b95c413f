"""The tests of words-py, natively: `nomaflow plugin test plugins/words-py`."""

import pathlib
import typing
import unittest

from nomaflow.callables import _schema
from nomaflow.testing import check_cases
from plugin import words_of


class Words(unittest.TestCase):
    def test_the_cases_hold(self):
        check_cases(pathlib.Path(__file__).with_name("cases.json"))

    def test_a_word_has_no_punctuation_around_it_and_keeps_it_inside(self):
        words = words_of("«Don't», she said: STOP… 'now'!", 1)
        self.assertEqual(words, ["«don't»", "she", "said", "stop…", "now"])

    def test_a_param_may_be_described_and_called_destructive(self):
        told = _schema(typing.Annotated[bool, "All of it.", "destructive"])
        self.assertEqual(told, {"type": "boolean", "description": "All of it.", "destructive": True})
        self.assertEqual(_schema(typing.Annotated[bool, "destructive"]), {"type": "boolean", "destructive": True})


if __name__ == "__main__":
    unittest.main()

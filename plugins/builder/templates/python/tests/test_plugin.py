"""The tests of {{name}}, natively: `nomaflow plugin test`."""

import pathlib
import unittest

from nomaflow.testing import Host, check_cases
from plugin import count_words


class CountWords(unittest.TestCase):
    def test_a_callable_is_a_plain_function_and_its_log_can_be_read(self):
        with Host() as host:
            self.assertEqual(count_words("one two").words, 2)
        self.assertEqual(host.lines, [("info", "2 words, 2 of them different", {})])

    def test_the_cases_hold(self):
        check_cases(pathlib.Path(__file__).with_name("cases.json"))


if __name__ == "__main__":
    unittest.main()

"""{{name}}: a Nomaflow plugin."""

from dataclasses import dataclass
from typing import Annotated

from nomaflow import Error, callable, log


@dataclass
class Counted:
    """What `count_words` found."""

    words: int
    distinct: int
    longest: str | None


@callable
def count_words(
    text: Annotated[str, "The text to count in."],
    min_length: Annotated[int, "Words with fewer characters are left out."] = 1,
) -> Counted:
    """Counts the words of a text.

    Words are separated by white space.
    """
    if min_length < 1:
        raise Error("invalid", f"`min_length` is {min_length}, but every word has a character")
    words = [word for word in text.split() if len(word) >= min_length]
    counted = Counted(len(words), len(set(words)), max(words, key=len, default=None))
    log.info(f"{counted.words} words, {counted.distinct} of them different")
    return counted

"""The example plugin in Python: counts the words in a column of texts. `words` (Rust) and `words-js` do the same, and all
three hold the cases in `tests/cases.json`."""

import re
import string
from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from nomaflow import Error, callable, context, log, sql

BATCH_ROWS = 1000


@dataclass
class Counted:
    """What `word_counts` did."""

    rows_read: int
    words: int
    rows_affected: int


@callable
def word_counts(
    connector: Annotated[str, "The connector to read from and write to; needs the grant read-write."],
    source_table: Annotated[str, "The table of texts."],
    text_column: Annotated[str, "Its column of texts."],
    target_table: Annotated[str, "The table of words."],
    min_length: Annotated[int, "Words with fewer characters are left out."] = 1,
) -> Counted:
    """Counts the words in a column of texts.

    Reads `text_column` of every row of `source_table` and replaces the rows of `target_table` (made if it is missing) with
    one per word: `word` and `occurrences`. Words are separated by white space, without the ASCII punctuation around them,
    in lower case.
    """
    for param, name in [("source_table", source_table), ("text_column", text_column), ("target_table", target_table)]:
        check_name(param, name)
    database = sql.open(connector)
    counts, rows_read = Counter(), 0
    for row in database.query(f"select {text_column} from {source_table}", batch_size=BATCH_ROWS):
        rows_read += 1
        counts.update(words_of(row[0] or "", min_length))
        if rows_read % BATCH_ROWS == 0:
            context.report(rows_read, note="texts read")

    with database.transaction():
        columns = "word varchar(200) not null, occurrences bigint not null"
        database.execute(f"create table if not exists {target_table} ({columns})")
        database.execute(f"delete from {target_table}")
        rows = sorted(counts.items())
        rows_affected = database.insert_rows(target_table, ["word", "occurrences"], rows)
    log.info(f"{counts.total()} words in {rows_read} texts, {len(counts)} of them different")
    return Counted(rows_read, counts.total(), rows_affected)


def words_of(text, min_length):
    """The words of a text, in order."""
    bare = (word.strip(string.punctuation).lower() for word in text.split())
    return [word for word in bare if word and len(word) >= min_length]


def check_name(param, name):
    """A name stands in a statement as it is, so it may be nothing but a name."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise Error("invalid.param", f"`{param}` is `{name}`, which is no plain name")

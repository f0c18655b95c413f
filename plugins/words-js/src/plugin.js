// The example plugin in JavaScript: counts the words in a column of texts. `words` (Rust) and `words-py` do the same, and
// all three hold the cases in `tests/cases.json`.
import { callable, context, log, sql, StepError } from "#nomaflow";

const BATCH_ROWS = 1000;

export const wordCounts = callable(
  {
    name: "word_counts",
    title: "Counts the words in a column of texts",
    doc: `Counts the words in a column of texts.

Reads \`text_column\` of every row of \`source_table\` and replaces the rows of \`target_table\` (made if it is missing) with
one per word: \`word\` and \`occurrences\`. Words are separated by white space, without the ASCII punctuation around them,
in lower case.`,
    params: {
      connector: { type: "string", description: "The connector to read from and write to; needs the grant read-write." },
      source_table: { type: "string", description: "The table of texts." },
      text_column: { type: "string", description: "Its column of texts." },
      target_table: { type: "string", description: "The table of words." },
      min_length: { type: "integer", default: 1, description: "Words with fewer characters are left out." },
    },
    result: {
      rows_read: { type: "integer", description: "Texts read." },
      words: { type: "integer", description: "Words in them, each as often as it comes." },
      rows_affected: { type: "integer", description: "Rows written, one per different word." },
    },
  },
  ({ connector, source_table, text_column, target_table, min_length }) => {
    for (const [param, name] of Object.entries({ source_table, text_column, target_table })) checkName(param, name);
    const database = sql.open(connector);
    const counts = new Map();
    let rowsRead = 0;
    let words = 0;
    for (const row of database.query(`select ${text_column} from ${source_table}`, {}, { batchSize: BATCH_ROWS })) {
      rowsRead += 1;
      for (const word of wordsOf(row[text_column] ?? "", min_length)) {
        words += 1;
        counts.set(word, (counts.get(word) ?? 0) + 1);
      }
      if (rowsRead % BATCH_ROWS === 0) context.report(rowsRead, undefined, "texts read");
    }

    const rowsAffected = database.transaction(() => {
      const columns = "word varchar(200) not null, occurrences bigint not null";
      database.execute(`create table if not exists ${target_table} (${columns})`);
      database.execute(`delete from ${target_table}`);
      return database.insertRows(target_table, ["word", "occurrences"], [...counts]);
    });
    log.info(`${words} words in ${rowsRead} texts, ${counts.size} of them different`);
    return { rows_read: rowsRead, words, rows_affected: rowsAffected };
  },
);

/** The words of a text, in order. */
export function wordsOf(text, minLength) {
  const bare = text.split(/\s+/u).map((word) => word.replace(/^[!-/:-@[-`{-~]+|[!-/:-@[-`{-~]+$/g, "").toLowerCase());
  return bare.filter((word) => word && [...word].length >= minLength);
}

/** A name stands in a statement as it is, so it may be nothing but a name. */
function checkName(param, name) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new StepError("invalid.param", `\`${param}\` is \`${name}\`, which is no plain name`);
}

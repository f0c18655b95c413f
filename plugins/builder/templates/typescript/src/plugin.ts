// {{name}}: a Nomaflow plugin. Types are for editors and `npm run check`; a build takes them away without a look.
import { callable, log, StepError } from "#nomaflow";

interface Counted {
  words: number;
  distinct: number;
  longest: string | null;
}

export const countWords = callable(
  {
    name: "count_words",
    doc: "Counts the words of a text.\n\nWords are separated by white space.",
    params: {
      text: { type: "string", description: "The text to count in." },
      min_length: { type: "integer", default: 1, description: "Words with fewer characters are left out." },
    },
    result: {
      words: { type: "integer", description: "Words, each as often as it comes." },
      distinct: { type: "integer", description: "Different words." },
      longest: { type: ["string", "null"], description: "The first of the longest words." },
    },
  },
  ({ text, min_length }): Counted => {
    if (min_length < 1) throw new StepError("invalid", `\`min_length\` is ${min_length}, but every word has a character`);
    const words = text.split(/\s+/u).filter((word) => word && characters(word) >= min_length);
    const longest = words.reduce<string | null>((best, word) => (best === null || characters(word) > characters(best) ? word : best), null);
    const distinct = new Set(words).size;
    log.info(`${words.length} words, ${distinct} of them different`);
    return { words: words.length, distinct, longest };
  },
);

function characters(word: string): number {
  return [...word].length;
}

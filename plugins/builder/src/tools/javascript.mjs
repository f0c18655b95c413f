// Drives esbuild and componentize-js for one order, given as JSON in the first argument: `build` makes a component of a
// plugin, `bundle` makes plain modules of TypeScript tests. Compiler messages go to standard error, the end is the exit code.
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const order = JSON.parse(process.argv[2]);

/** One module out of many; what `nomaflow:` and `node:` name stays an import. */
async function bundle(options) {
  return build({
    bundle: true,
    format: "esm",
    logLevel: "warning",
    absWorkingDir: order.folder,
    // What a package offers to browsers runs here too: there is neither Node.js nor a page.
    mainFields: ["module", "main"],
    conditions: ["module", "import", "default"],
    ...options,
  });
}

/** The text of a file, undefined when there is none. */
const text = (path) => readFile(path, "latin1").catch(() => undefined);

/** Stands for everything a component is made of: the one module, the contract and the tool. */
async function digest(module) {
  const hash = createHash("sha256").update(order.tool).update(module);
  for (const name of (await readdir(order.wit)).sort()) hash.update(name).update(await readFile(`${order.wit}/${name}`));
  return hash.digest("hex");
}

/** A test finds files beside itself, although the module it becomes lies elsewhere. */
const whereItWas = {
  name: "where-it-was",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const contents = await readFile(path, "utf8");
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: contents.replaceAll("import.meta.url", url), loader: "ts", resolveDir: dirname(path) };
    });
  },
};

const jobs = {
  async build() {
    const entry = `import ${JSON.stringify(order.plugin)};\nexport * from ${JSON.stringify(order.component)};\n`;
    const { outputFiles } = await bundle({
      stdin: { contents: entry, resolveDir: order.folder, sourcefile: "nomaflow-entry.js" },
      platform: "neutral",
      target: "es2022",
      external: ["nomaflow:*"],
      write: false,
    });
    const source = `${order.out}.js`;
    const note = `${order.out}.made-from`;
    const inputs = await digest(outputFiles[0].text);
    if ((await text(note)) === inputs && (await text(order.out)) !== undefined) return;
    await rm(note, { force: true });
    await writeFile(source, outputFiles[0].text);
    // Loaded only here, because it takes a while.
    const { componentize } = await import("@bytecodealliance/componentize-js");
    const { component } = await componentize({
      sourcePath: source,
      witPath: order.wit,
      worldName: order.world,
      // They would import wasi:http, which no plugin has; the SDK's own `http` goes through the grants.
      disableFeatures: ["http", "fetch-event"],
    });
    await writeFile(order.out, component);
    await writeFile(note, inputs);
  },
  async bundle() {
    await bundle({
      entryPoints: order.files,
      platform: "node",
      external: builtinModules.flatMap((name) => [name, `node:${name}`]),
      outdir: order.out,
      outExtension: { ".js": ".mjs" },
      plugins: [whereItWas],
    });
  },
};

try {
  await jobs[order.do]();
} catch (error) {
  // esbuild has printed its own errors already.
  if (!error?.errors) console.error(String(error?.message ?? error));
  process.exitCode = 1;
}

// Drives esbuild and componentize-js for one order, given as JSON in the first argument: `build` makes a component of a
// plugin, `bundle` makes plain modules of TypeScript tests. Compiler messages go to standard error, the end is the exit code.
import { writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { build } from "esbuild";
import { componentize } from "@bytecodealliance/componentize-js";

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
    await writeFile(source, outputFiles[0].text);
    const { component } = await componentize({
      sourcePath: source,
      witPath: order.wit,
      worldName: order.world,
      // They would import wasi:http, which no plugin has; the SDK's own `http` goes through the grants.
      disableFeatures: ["http", "fetch-event"],
    });
    await writeFile(order.out, component);
  },
  async bundle() {
    await bundle({
      entryPoints: order.files,
      platform: "node",
      external: builtinModules.flatMap((name) => [name, `node:${name}`]),
      outdir: order.out,
      outExtension: { ".js": ".mjs" },
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

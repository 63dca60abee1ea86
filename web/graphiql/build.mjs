// Bundles GraphiQL and its workers into ../static/graphiql, under names that change with their content.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";

const out = path.resolve("../static/graphiql");
const workers = {
  "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
  "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
  "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
};
const shared = {
  bundle: true,
  minify: true,
  metafile: true,
  legalComments: "none", // The licences of everything bundled are collected in one file below.
  target: "es2022",
  outdir: out,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
};

function outputsOf(result) {
  return Object.entries(result.metafile.outputs).map(([file, output]) => ({
    name: path.basename(file),
    entry: output.entryPoint,
  }));
}

async function packagesOf(results) {
  const found = new Set();
  for (const result of results) {
    for (const input of Object.keys(result.metafile.inputs)) {
      const parts = input.split("node_modules/");
      if (parts.length < 2) continue;
      const inside = parts.at(-1).split("/");
      const name = inside[0].startsWith("@") ? inside.slice(0, 2).join("/") : inside[0];
      found.add(parts.slice(0, -1).join("node_modules/") + "node_modules/" + name);
    }
  }
  return [...found].sort();
}

// Packages published without their licence's text, and a package of the same repository or author that has it.
const licencedLike = {
  "@graphiql/plugin-doc-explorer": "@graphiql/react",
  "@graphiql/plugin-history": "@graphiql/react",
  "react-compiler-runtime": "react",
  "react-remove-scroll-bar": "react-remove-scroll",
};

async function licenceFileIn(folder) {
  const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name));
  return file && path.join(folder, file);
}

async function licenceOf(folder) {
  const about = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const alike = licencedLike[about.name];
  const file = (await licenceFileIn(folder)) ?? (alike && (await licenceFileIn(`node_modules/${alike}`)));
  if (!file) throw new Error(`${about.name} has no licence text: name a package that has it in licencedLike.`);
  const text = await readFile(file, "utf8");
  return `${about.name} ${about.version}: ${about.license}\n\n${text.trim()}\n`;
}

async function licences(folders) {
  // One package can stand in several folders; its text is needed once.
  const texts = new Set(await Promise.all(folders.map(licenceOf)));
  // What packages carry inside them and their own licence files do not name.
  texts.add(await readFile("node_modules/monaco-editor/ThirdPartyNotices.txt", "utf8"));
  for (const name of (await readdir("licences")).sort()) texts.add(await readFile(`licences/${name}`, "utf8"));
  const all = [...texts].map((text) => `${text.replaceAll("\r\n", "\n").trim()}\n`);
  return all.join(`\n${"-".repeat(80)}\n\n`);
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const workerBuild = await build({ ...shared, entryPoints: workers, format: "iife" });
const workerFiles = Object.fromEntries(
  outputsOf(workerBuild).map(({ name }) => [name.replace(/-[A-Z0-9]+\.js$/, ""), name]),
);
const pageBuild = await build({
  ...shared,
  entryPoints: { graphiql: "main.jsx" },
  format: "esm",
  jsx: "automatic",
  loader: { ".ttf": "file", ".woff2": "file" },
  define: { ...shared.define, WORKER_FILES: JSON.stringify(workerFiles) },
});
const names = outputsOf(pageBuild).map(({ name }) => name);
await writeFile(
  path.join(out, "manifest.json"),
  JSON.stringify(
    {
      script: names.find((name) => /^graphiql-.*\.js$/.test(name)),
      style: names.find((name) => /^graphiql-.*\.css$/.test(name)),
    },
    null,
    2,
  ) + "\n",
);
await writeFile(path.join(out, "LICENSES.txt"), await licences(await packagesOf([workerBuild, pageBuild])));

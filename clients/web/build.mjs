// Bundles the pages into the Python package. `--tests DIR` bundles the tests instead; `--out DIR` writes one page elsewhere,
// the live one, or that which `--page` names.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const shared = { bundle: true, logLevel: "warning", absWorkingDir: here, legalComments: "none", format: "esm" };
const browsers = { minify: true, target: ["es2022", "chrome123", "firefox120", "safari17.5"] };
const package_ = join(here, "../../src/openlpm/serving");
const pages = {
  live: {
    out: join(package_, "page"),
    html: "src/index.html",
    app: "src/main.ts",
    parts: { style: "src/style/page.css", player: "src/worklets/player.ts", microphone: "src/worklets/microphone.ts" },
    addresses: { PLAYER: "player.js", MICROPHONE: "microphone.js" },
  },
  arena: { out: join(package_, "arena_page"), html: "src/arena/arena.html", app: "src/arena/main.ts", parts: { style: "src/style/arena_page.css" }, addresses: {} },
};

async function buildTests(outdir) {
  const tests = (await readdir(join(here, "test"))).filter((name) => name.endsWith(".test.ts"));
  const entryPoints = tests.map((name) => `test/${name}`);
  await build({ ...shared, entryPoints, outdir, platform: "node", outExtension: { ".js": ".mjs" } });
}

/** Servers may let assets be kept for ever, so whatever names one names its content, too. */
async function buildPage({ html, app, parts, addresses }, out) {
  const assets = join(out, "assets");
  await rm(assets, { recursive: true, force: true });
  await mkdir(assets, { recursive: true });
  const address = async (name) => {
    const hash = createHash("sha256").update(await readFile(join(assets, name))).digest("hex");
    return `/assets/${name}?v=${hash.slice(0, 12)}`;
  };
  await writeFile(join(assets, "icon.svg"), await readFile(join(here, "src/icon.svg")));
  await build({ ...shared, ...browsers, entryPoints: parts, outdir: assets });
  const define = {};
  for (const [name, file] of Object.entries({ ...addresses, ICON: "icon.svg" })) define[name] = JSON.stringify(await address(file));
  await build({ ...shared, ...browsers, entryPoints: { app }, outdir: assets, define });
  let page = await readFile(join(here, html), "utf8");
  for (const name of ["icon.svg", "style.css", "app.js"]) page = page.replace(`/assets/${name}`, await address(name));
  await writeFile(join(out, "index.html"), page);
}

const { values } = parseArgs({ options: { tests: { type: "string" }, out: { type: "string" }, page: { type: "string" } } });
if (values.tests !== undefined) await buildTests(join(here, values.tests));
else if (values.out !== undefined) await buildPage(pages[values.page ?? "live"], values.out);
else for (const page of Object.values(pages)) await buildPage(page, page.out);

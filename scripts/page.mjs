/**
 * Builds the page for browsers (client/page) as one HTML file: node scripts/page.mjs FILE [ORIGIN…]
 *
 * Without origins, the page's Content-Security-Policy lets it speak with every server over https, and with this machine's over
 * http; with origins (`https://confml.example:8443`), with these alone. The same sources give the same bytes. Prints the
 * file's SHA-256 and size.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { URL } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const folder = join(import.meta.dirname, "..");
const source = join(folder, "client/page");
const [file, ...origins] = process.argv.slice(2);
if (file === undefined) throw new Error("expected the name of the file to write");
for (const origin of origins) {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
    throw new Error(`expected an origin such as https://confml.example:8443, got ${origin}`);
  }
}

const bundle = await build({
  absWorkingDir: folder,
  entryPoints: ["client/page/main.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2023",
  legalComments: "none",
  charset: "utf8",
  metafile: true,
  // The same names, and so the same bytes, where node_modules is a link.
  preserveSymlinks: true,
  write: false,
});
const script = bundle.outputFiles[0].text.trim();
const css = readFileSync(join(source, "page.css"), "utf8");
const style = (await transform(css, { loader: "css", minify: true })).code.trim();

const hashOf = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const anyServer = ["'self'", "https:", "http://localhost:*", "http://127.0.0.1:*"];
const policy = [
  "default-src 'none'",
  `script-src ${hashOf(script)}`,
  `style-src ${hashOf(style)}`,
  "img-src blob: data:",
  `connect-src ${(origins.length > 0 ? origins : anyServer).join(" ")}`,
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** The licenses of the bundled packages require their text in copies. */
const packages = new Set(
  Object.keys(bundle.metafile.inputs).map(
    (path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(path)?.[1],
  ),
);
packages.delete(undefined);
const licenses = ["", ...[...packages].sort()].map((name) => {
  const place = name === "" ? folder : join(folder, "node_modules", name);
  const license = readdirSync(place).find((entry) => /^licen[cs]e(?:\.|$)/iu.test(entry));
  if (license === undefined) throw new Error(`${name} has no license file`);
  return `${name || "confml"}:\n\n${readFileSync(join(place, license), "utf8").trim()}`;
});

/** The empty elements of client/page/index.html, and what goes into them. */
const parts = {
  '<meta http-equiv="Content-Security-Policy" content="" />': `<meta http-equiv="Content-Security-Policy" content="${policy}" />`,
  "<style></style>": `<style>${style}</style>`,
  "<script></script>": `<script>${script}</script>`,
};
let html = readFileSync(join(source, "index.html"), "utf8");
for (const [empty, filled] of Object.entries(parts)) {
  const [before, after, ...others] = html.split(empty);
  if (after === undefined || others.length > 0) throw new Error(`expected ${empty} once`);
  html = before + filled + after;
}
const page = `${html.trim()}\n<!--\n${licenses.join("\n\n").replaceAll("--", "- -")}\n-->\n`;
if (script.includes("</script") || script.includes("<!--") || style.includes("</style")) {
  throw new Error("the script or the style would end its own element");
}
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, page);
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
process.stdout.write(
  `sha256 ${createHash("sha256").update(page).digest("hex")}  ${file}\n` +
    `${kilobytes(Buffer.byteLength(page))}, ${kilobytes(gzipSync(page).length)} compressed; ` +
    `script ${kilobytes(Buffer.byteLength(script))}\n`,
);

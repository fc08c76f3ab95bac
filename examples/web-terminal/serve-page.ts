import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "hono";
import ts from "typescript";

const pageFolder = join(import.meta.dirname, "page");

/** Files of packages, by the name that the page knows them by. */
const packageFiles: Readonly<Record<string, string>> = {
  "xterm.mjs": packageFile("@xterm/xterm", "lib/xterm.mjs"),
  "xterm.css": packageFile("@xterm/xterm", "css/xterm.css"),
  "addon-fit.mjs": packageFile("@xterm/addon-fit", "lib/addon-fit.mjs"),
};

const contentTypes: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  ts: "text/javascript; charset=utf-8",
};

const scripts = new Map<string, string>();

/** The page itself. Scripts run only from this server, and the import map by its nonce. */
export async function servePage(context: Context): Promise<Response> {
  const nonce = randomBytes(16).toString("base64");
  const html = await readFile(join(pageFolder, "index.html"), "utf8");
  const policy = [
    "default-src 'none'",
    "connect-src 'self'",
    "img-src 'self'",
    `script-src 'self' 'nonce-${nonce}'`,
    // xterm.js writes style elements of its own.
    "style-src 'self' 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  context.header("Content-Security-Policy", policy.join("; "));
  return context.html(html.replaceAll("%NONCE%", nonce));
}

/** A file of the page, or of the packages that it uses; nothing else can be named. */
export async function serveAsset(context: Context): Promise<Response> {
  const name = context.req.param("name") ?? "";
  const [, suffix = ""] = /^[a-z-]+\.([a-z]+)$/.exec(name) ?? [];
  const contentType = contentTypes[suffix];
  if (contentType === undefined) return context.notFound();
  const body =
    suffix === "ts"
      ? await script(name)
      : await readOptional(packageFiles[name] ?? join(pageFolder, name));
  if (body === undefined) return context.notFound();
  return context.body(body, 200, { "Content-Type": contentType });
}

/** A script of the page without its types, which is all that a browser needs. */
async function script(name: string): Promise<string | undefined> {
  const known = scripts.get(name);
  if (known !== undefined) return known;
  const source = await readOptional(join(pageFolder, name));
  if (source === undefined) return undefined;
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  scripts.set(name, outputText);
  return outputText;
}

function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

function packageFile(name: string, path: string): string {
  return join(dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`))), path);
}

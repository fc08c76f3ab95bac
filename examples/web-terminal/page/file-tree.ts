import type { FileEntry, FilesAnswer } from "../protocol.ts";
import { askServer } from "./ask-server.ts";

/** Entries of one directory that are shown; nobody reads more. */
const mostEntries = 500;

/** The files of the sandbox. A directory is listed when it is opened, and again when the tree is refreshed. */
export class FileTree {
  readonly #parent: HTMLElement;
  readonly #open = new Set<string>();
  #root: string | undefined;
  #refresh: Promise<void> | undefined;

  constructor(parent: HTMLElement) {
    this.#parent = parent;
  }

  async show(root: string): Promise<void> {
    if (root === this.#root) return;
    this.#root = root;
    await this.refresh();
  }

  /** Lists all directories that are open anew. */
  refresh(): Promise<void> {
    this.#refresh ??= this.#refreshAll().finally(() => {
      this.#refresh = undefined;
    });
    return this.#refresh;
  }

  async #refreshAll(): Promise<void> {
    if (this.#root === undefined) return;
    const list = await this.#list(this.#root, 0);
    const { scrollTop } = this.#parent;
    this.#parent.replaceChildren(list);
    this.#parent.scrollTop = scrollTop;
  }

  async #list(directory: string, depth: number): Promise<HTMLElement> {
    const list = document.createElement("ul");
    list.style.setProperty("--depth", String(depth));
    try {
      const { entries } = await askServer<FilesAnswer>(
        `./api/files?path=${encodeURIComponent(directory)}`,
      );
      const shown = entries.slice(0, mostEntries);
      list.append(...(await Promise.all(shown.map((entry) => this.#item(entry, depth)))));
      if (entries.length === 0) list.append(remark("empty"));
      if (entries.length > shown.length) {
        list.append(remark(`… and ${entries.length - shown.length} more`));
      }
    } catch (error) {
      const failure = remark(error instanceof Error ? error.message : String(error));
      failure.dataset.tone = "bad";
      list.append(failure);
    }
    return list;
  }

  async #item(entry: FileEntry, depth: number): Promise<HTMLElement> {
    const item = document.createElement("li");
    item.append(entry.type === "directory" ? await this.#directory(entry, depth) : fileLine(entry));
    return item;
  }

  async #directory(entry: FileEntry, depth: number): Promise<HTMLElement> {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.append(label(entry.name));
    summary.title = entry.path;
    details.append(summary);
    if (this.#open.has(entry.path)) {
      details.append(await this.#list(entry.path, depth + 1));
      details.open = true;
    }
    // Only from now on, so that what was opened above is not listed twice.
    details.addEventListener("toggle", () => {
      if (details.open === this.#open.has(entry.path)) return;
      if (details.open) {
        this.#open.add(entry.path);
        void this.#list(entry.path, depth + 1).then((list) => {
          details.querySelector(":scope > ul")?.remove();
          details.append(list);
        });
      } else {
        this.#open.delete(entry.path);
      }
    });
    return details;
  }
}

function fileLine(entry: FileEntry): HTMLElement {
  const line = document.createElement("div");
  line.className = "entry";
  line.dataset.type = entry.type;
  line.title = `${entry.path}\n${new Date(entry.modifiedAtMs).toLocaleString()}`;
  line.append(label(entry.name));
  if (entry.type === "file") {
    const detail = document.createElement("span");
    detail.className = "detail";
    detail.textContent = sizeText(entry.size);
    line.append(detail);
  }
  return line;
}

function label(name: string): HTMLElement {
  const text = document.createElement("span");
  text.className = "label";
  text.textContent = name;
  return text;
}

function remark(text: string): HTMLElement {
  const line = document.createElement("li");
  line.className = "remark";
  line.textContent = text;
  return line;
}

function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

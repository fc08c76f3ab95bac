import type { ServerMessage } from "../protocol.ts";
import { button, element, showStatus } from "./elements.ts";
import { FileTree } from "./file-tree.ts";
import { SandboxStatus } from "./sandbox-status.ts";
import { TerminalSocket } from "./terminal-socket.ts";
import { TerminalView } from "./terminal-view.ts";

/** Milliseconds without a change of the window's size until the terminal follows it. */
const calmMs = 80;
const noticeMs = 8_000;

const tree = new FileTree(element("tree"));
const status = new SandboxStatus(tree);
let terminalId: string | undefined;
let noticeTimer: number | undefined;
let calmTimer: number | undefined;

const view = new TerminalView(element("terminal"), {
  onInput: (bytes) => {
    // Nothing is kept for later: nobody knows what will run then.
    if (!socket.send(bytes)) notify("There is no connection, so this was not typed.");
  },
  onDrawn: (offset) => socket.say({ type: "drawn", offset }),
  onTitle: (title) => {
    element("terminal").title = title;
  },
});

const socket = new TerminalSocket(socketUrl(), {
  onOpen: () => {
    const isActive = document.hasFocus();
    return { type: "attach", terminalId, offset: view.offset, isActive, ...view.windowSize };
  },
  onMessage,
  onBytes: (bytes) => view.write(bytes),
  onLost: () => {
    showStatus("connection", "reconnecting", "waiting");
    document.body.classList.add("offline");
    view.setInputAllowed(false);
    element("banner-text").textContent = "Connection lost. The terminal goes on.";
    element("banner-action").hidden = false;
    element("banner").hidden = false;
    clearTimeout(noticeTimer);
    void status.look();
  },
});

function onMessage(message: ServerMessage): void {
  switch (message.type) {
    case "attached": {
      terminalId = message.terminalId;
      view.startAt(message.offset, message.replayUntil);
      socket.settled();
      view.setInputAllowed(true);
      showStatus("connection", "connected", "good");
      document.body.classList.remove("offline");
      element("banner").hidden = true;
      element("end").hidden = true;
      void status.look();
      followWindow();
      return;
    }
    case "size":
      view.setSize(message, message.isLeading);
      showSize(message.isLeading);
      return;
    case "ended": {
      const { exitCode, signal } = message;
      terminalId = message.terminalId;
      const how = signal === undefined ? `exit code ${exitCode}` : `ended by ${signal}`;
      showEnd("The terminal has ended.", how);
      return;
    }
    case "lost":
      terminalId = message.terminalId;
      showEnd("The terminal cannot be shown.", message.message);
      void status.look();
      return;
    case "notice":
      notify(message.message);
      return;
    case "heartbeat":
      return;
    default:
      message satisfies never;
  }
}

function showSize(isLeading: boolean): void {
  const { rows, cols } = view.size;
  element("size").textContent = `${cols} × ${rows}${isLeading ? "" : ", by another window"}`;
}

function showEnd(title: string, detail: string): void {
  socket.settled();
  document.body.classList.remove("offline");
  element("banner").hidden = true;
  showStatus("connection", "connected", "good");
  view.setInputAllowed(false);
  element("end-title").textContent = title;
  element("end-detail").textContent = detail;
  element("end").hidden = false;
  button("new-terminal").disabled = false;
  followWindow();
}

function notify(text: string): void {
  if (!socket.isOpen) return;
  element("banner-text").textContent = text;
  element("banner-action").hidden = true;
  element("banner").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => {
    element("banner").hidden = true;
  }, noticeMs);
}

/** The terminal follows the window in which the user works. */
function followWindow(): void {
  if (!document.hasFocus()) return;
  const { rows, cols } = view.windowSize;
  if (rows !== view.size.rows || cols !== view.size.cols) socket.say({ type: "size", rows, cols });
}

function socketUrl(): URL {
  const url = new URL("./terminal", location.href);
  url.protocol = "ws:";
  return url;
}

function showFiles(isOpen: boolean): void {
  document.body.classList.toggle("files-closed", !isOpen);
  button("toggle-files").setAttribute("aria-expanded", String(isOpen));
  localStorage.setItem("files", isOpen ? "open" : "closed");
}

new ResizeObserver(() => {
  clearTimeout(calmTimer);
  calmTimer = setTimeout(followWindow, calmMs);
}).observe(element("terminal"));
addEventListener("focus", followWindow);

button("toggle-files").addEventListener("click", () => {
  showFiles(document.body.classList.contains("files-closed"));
  view.focus();
});
button("refresh-files").addEventListener("click", () => {
  void Promise.all([tree.refresh(), status.look(), status.lookAtBranch()]);
});
element("files").addEventListener("click", (event) => {
  // After a click one types into the terminal; the keyboard stays where it is.
  if (event.detail > 0) view.focus();
});
button("banner-action").addEventListener("click", () => socket.reconnect());
button("new-terminal").addEventListener("click", () => {
  button("new-terminal").disabled = true;
  socket.say({ type: "new-terminal", endedId: terminalId ?? "" });
  view.focus();
});

const isNarrow = matchMedia("(max-width: 720px)").matches;
showFiles((localStorage.getItem("files") ?? (isNarrow ? "closed" : "open")) === "open");
view.focus();
void status.lookAtBranch();

import type { BranchAnswer, StatusAnswer } from "../protocol.ts";
import { askServer, RefusedError } from "./ask-server.ts";
import { element, showStatus, type Tone } from "./elements.ts";
import type { FileTree } from "./file-tree.ts";

/** A look at the sandbox's state does not keep it awake, so it may be taken often. */
const lookMs = 10_000;

const tones: Readonly<Record<string, Tone>> = {
  running: "good",
  starting: "waiting",
  stopping: "waiting",
};

/** The sandbox's name, branch and state in the header, and where its files begin. */
export class SandboxStatus {
  readonly #tree: FileTree;

  constructor(tree: FileTree) {
    this.#tree = tree;
    setInterval(() => {
      if (!document.hidden) void this.look();
    }, lookMs);
  }

  async look(): Promise<void> {
    try {
      const answer = await askServer<StatusAnswer>("./api/status");
      element("name").textContent = answer.name;
      element("name").title = `Sandbox ${answer.sandboxId ?? ""}\n${answer.provider}`;
      element("work-dir").textContent = answer.workDir;
      document.title = `${answer.name} · terminal`;
      showStatus("state", `sandbox ${answer.state}`, tones[answer.state] ?? "bad");
      element("state").title = answer.message ?? `State of sandbox ${answer.sandboxId ?? ""}`;
      if (answer.state === "running") await this.#tree.show(answer.workDir);
    } catch (error) {
      if (!(error instanceof RefusedError)) showStatus("state", "sandbox unknown", "waiting");
      else if (error.status === 403) showStatus("state", "address not valid any more", "bad");
      else showStatus("state", "sandbox unknown", "bad");
      element("state").title = error instanceof Error ? error.message : String(error);
    }
  }

  /** Runs git in the sandbox, which counts as use of it: only when somebody asks for it. */
  async lookAtBranch(): Promise<void> {
    try {
      const { branch } = await askServer<BranchAnswer>("./api/branch");
      element("branch").hidden = branch === undefined;
      element("branch-name").textContent = branch ?? "";
      element("branch").title = `Branch ${branch ?? ""}`;
    } catch {
      // The state beside it says what is the matter.
      element("branch").hidden = true;
    }
  }
}

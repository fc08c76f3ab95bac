import type { Browser, Page } from "playwright-core";

const waitMs = 20_000;

/** A window with the page of the example, as a user sees it. */
export class TerminalPage {
  readonly page: Page;
  /** Binary frames that the page has received, over all of its connections. */
  readonly #frames: Buffer[] = [];
  readonly complaints: string[] = [];
  connections = 0;

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(waitMs);
    page.on("websocket", (socket) => {
      this.connections += 1;
      socket.on("framereceived", ({ payload }) => {
        if (typeof payload !== "string") this.#frames.push(payload);
      });
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** Opens the address in a window of its own, with cookies and storage of its own. */
  static async open(browser: Browser, url: string): Promise<TerminalPage> {
    const context = await browser.newContext({ viewport: { width: 1000, height: 600 } });
    const window = new TerminalPage(await context.newPage());
    await window.page.goto(url);
    await window.isConnected();
    return window;
  }

  /** Everything that the terminal has shown to this page, in its order. */
  get received(): Buffer {
    return Buffer.concat(this.#frames);
  }

  /** Resolves when the header shows the connection. */
  async isConnected(): Promise<void> {
    await this.page.locator("#connection", { hasText: /^connected$/ }).waitFor();
  }

  /** Types a line as keys. */
  async type(line: string): Promise<void> {
    await this.page.keyboard.type(`${line}\n`);
  }

  /** Resolves when the visible part of the terminal has this text. */
  async shows(text: string | RegExp): Promise<void> {
    try {
      await this.page.locator(".xterm-rows", { hasText: text }).waitFor();
    } catch (error) {
      throw new Error(`It does not show ${text}, but:\n${await this.screen()}`, { cause: error });
    }
  }

  /** The visible part of the terminal. */
  async screen(): Promise<string> {
    return (await this.page.locator(".xterm-rows > div").allTextContents())
      .map((row) => row.replaceAll("\u00a0", " ").trimEnd())
      .join("\n");
  }

  /** The terminal's size as the header shows it; waits until it is another one than `before`. */
  async sizeAfter(before: string): Promise<string> {
    const size = this.page.locator("#size", { hasText: /^\d+ × \d+$/, hasNotText: before });
    return (await size.textContent()) ?? "";
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

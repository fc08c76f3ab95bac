import type { WebSocket } from "ws";

/** Proxies and browsers cut what is silent for a minute, some for less. */
const beatMs = 10_000;
const longestSilenceMs = 30_000;

/** Shows both sides that the other one is there: the page hears something regularly, and the server hears the browser's pongs. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;

  constructor(socket: WebSocket, beat: () => void) {
    let heardAtMs = performance.now();
    const hear = (): void => {
      heardAtMs = performance.now();
    };
    socket.on("pong", hear);
    socket.on("message", hear);
    this.#timer = setInterval(() => {
      // A socket that is paused hears nothing.
      if (socket.isPaused) hear();
      if (performance.now() - heardAtMs > longestSilenceMs) {
        socket.terminate();
        return;
      }
      socket.ping();
      beat();
    }, beatMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

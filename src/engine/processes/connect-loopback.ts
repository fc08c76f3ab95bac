import { connect, type Socket } from "node:net";

/** Connects to a port of this machine's loopback, IPv4 first: development servers often listen on `localhost` alone, which may be either. */
export async function connectLoopback(port: number, signal?: AbortSignal): Promise<Socket> {
  try {
    return await connectTo("127.0.0.1", port, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
    try {
      return await connectTo("::1", port, signal);
    } catch (secondError) {
      signal?.throwIfAborted();
      // A machine without IPv6 fails in other ways; the first answer is the one that counts.
      void secondError;
      throw error;
    }
  }
}

function connectTo(host: string, port: number, signal?: AbortSignal): Promise<Socket> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const abort = (): void => {
      socket.destroy();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => {
      signal?.removeEventListener("abort", abort);
      reject(error);
    });
    socket.once("connect", () => {
      signal?.removeEventListener("abort", abort);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

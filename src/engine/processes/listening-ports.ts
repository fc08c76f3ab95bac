import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTEN = "0A";

/**
 * The TCP ports on which one of these processes listens, ascending.
 *
 * @param network - A process whose network they share. Default: this one.
 */
export function findListeningPorts(
  pids: readonly number[],
  network: number | "self" = "self",
): number[] {
  const portOfSocket = readListeningSockets(network);
  const ports = new Set<number>();
  for (const pid of pids) {
    for (const socket of openSockets(pid)) {
      const port = portOfSocket.get(socket);
      if (port !== undefined) ports.add(port);
    }
  }
  return [...ports].sort((left, right) => left - right);
}

/** The TCP ports of this machine on which anybody listens. */
export function findPortsInUse(): Set<number> {
  return new Set(readListeningSockets("self").values());
}

/** Socket inode to port. */
function readListeningSockets(network: number | "self"): Map<string, number> {
  const sockets = new Map<string, number>();
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readTable(`/proc/${network}/net/${table}`).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [, localAddress, , state] = fields;
      const inode = fields[9];
      if (state !== LISTEN || localAddress === undefined || inode === undefined) continue;
      const port = localAddress.slice(localAddress.lastIndexOf(":") + 1);
      sockets.set(`socket:[${inode}]`, Number.parseInt(port, 16));
    }
  }
  return sockets;
}

function readTable(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    // A kernel without IPv6 has no such table.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function openSockets(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)];
      } catch {
        // Closed since the listing.
        return [];
      }
    });
  } catch {
    // The process is gone.
    return [];
  }
}

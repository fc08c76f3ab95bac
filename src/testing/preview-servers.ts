import type { Backend } from "../contract/backend.ts";

/** A small server for one interpreter. It answers GET and POST with {@link greeting} and what it was sent. */
interface ServerProgram {
  readonly interpreter: string;
  readonly fileName: string;
  readonly source: string;
  /** Whether it also echoes WebSocket texts. */
  readonly webSocket: boolean;
  readonly command: (port: number) => string;
}

export const greeting = "conformance server";

const nodeSource = `
const http = require("http");
const crypto = require("crypto");
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => {
    response.setHeader("content-type", "text/plain");
    response.end(["${greeting}", request.method, request.url, body].join("|"));
  });
});
server.on("upgrade", (request, socket) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  let buffer = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    if (buffer.length < 6) return;
    const length = buffer[1] & 127;
    if (buffer.length < 6 + length) return;
    if ((buffer[0] & 15) === 8) { socket.end(); return; }
    const text = Buffer.from(buffer.subarray(6, 6 + length).map((byte, index) => byte ^ buffer[2 + (index & 3)]));
    buffer = buffer.subarray(6 + length);
    socket.write(Buffer.concat([Buffer.from([129, length]), text]));
  });
});
server.listen(Number(process.argv[2]), "0.0.0.0");
`;

const pythonSource = `
import base64, hashlib, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args):
        pass
    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        text = "|".join(["${greeting}", self.command, self.path, body]).encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_POST = answer
    def do_GET(self):
        key = self.headers.get("sec-websocket-key")
        if key is None:
            return self.answer()
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return
            length = head[1] & 127
            mask = self.rfile.read(4)
            data = self.rfile.read(length)
            text = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
            self.wfile.write(bytes([129, length]) + text)

class Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True

Server(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
`;

const perlSource = `
use strict;
use IO::Socket::INET;
use Digest::SHA qw(sha1_base64);
$SIG{CHLD} = "IGNORE";
my $server = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => $ARGV[0], Listen => 20, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {
  next if fork;
  binmode $client;
  my ($method, $path) = <$client> =~ /^(\\S+) (\\S+)/;
  my %headers;
  while (my $line = <$client>) {
    $line =~ s/\\r?\\n$//;
    last if $line eq "";
    $headers{lc $1} = $2 if $line =~ /^([^:]+):\\s*(.*)$/;
  }
  $client->autoflush(1);
  if (defined(my $key = $headers{"sec-websocket-key"})) {
    my $accept = sha1_base64($key . "258EAFA5-E914-47DA-95CA-C5AB0DC85B11") . "=";
    print $client "HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: $accept\\r\\n\\r\\n";
    while (read($client, my $head, 2) == 2) {
      my ($first, $second) = unpack "CC", $head;
      last if ($first & 15) == 8;
      my $length = $second & 127;
      read $client, my $mask, 4;
      read $client, my $data, $length;
      print $client pack("CC", 129, $length) . ($data ^ substr($mask x ($length / 4 + 1), 0, $length));
    }
  } else {
    my $body = "";
    read $client, $body, $headers{"content-length"} if $headers{"content-length"};
    my $text = join "|", "${greeting}", $method, $path, $body;
    print $client "HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nConnection: close\\r\\nContent-Length: " . length($text) . "\\r\\n\\r\\n$text";
  }
  close $client;
  exit;
}
`;

const programs: readonly ServerProgram[] = [
  {
    interpreter: "node",
    fileName: "server.cjs",
    source: nodeSource,
    webSocket: true,
    command: (port) => `node server.cjs ${port}`,
  },
  {
    interpreter: "python3",
    fileName: "server.py",
    source: pythonSource,
    webSocket: true,
    command: (port) => `python3 server.py ${port}`,
  },
  {
    interpreter: "perl",
    fileName: "server.pl",
    source: perlSource,
    webSocket: true,
    command: (port) => `perl server.pl ${port}`,
  },
  {
    interpreter: "busybox",
    fileName: "index.html",
    source: `${greeting}|GET|/|`,
    webSocket: false,
    command: (port) => `busybox httpd -f -p ${port} -h .`,
  },
];

export interface RunningServer {
  readonly interpreter: string;
  readonly webSocket: boolean;
  stop(): Promise<void>;
}

/** A server as a program of its own, for the first interpreter that works in the sandbox; undefined when there is none. */
export async function findServerProgram(
  backend: Backend,
): Promise<{ readonly interpreter: string; readonly source: string } | undefined> {
  for (const { interpreter, source, webSocket } of programs) {
    if (!webSocket) continue;
    const probed = await backend.exec(`${interpreter} --version`, { check: false });
    if (probed.exitCode === 0) return { interpreter, source };
  }
  return undefined;
}

/** Starts a server with the first interpreter that works in the sandbox; undefined when there is none. */
export async function startPreviewServer(
  backend: Backend,
  directory: string,
  port: number,
): Promise<RunningServer | undefined> {
  for (const program of programs) {
    // An interpreter that is there and fails (a version switch without a version, say) counts as absent.
    const probe = `${program.interpreter} ${program.interpreter === "busybox" ? "true" : "--version"}`;
    const probed = await backend.exec(probe, { check: false });
    if (probed.exitCode !== 0) continue;
    await backend.writeFile(`${directory}/${program.fileName}`, program.source);
    const { stdout } = await backend.exec(
      `${program.command(port)} >log 2>&1 </dev/null & echo $!`,
      { cwd: directory },
    );
    return {
      interpreter: program.interpreter,
      webSocket: program.webSocket,
      stop: async () => {
        await backend.exec(`kill ${stdout.trim()}`, { check: false });
      },
    };
  }
  return undefined;
}

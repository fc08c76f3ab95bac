import type { Backend } from "../../src/index.ts";

/** A server for Node, without packages: HTTP that tells what it got, and an echo over WebSockets. */
const source = `
const http = require("http");
const crypto = require("crypto");
let posts = 0;
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => {
    const redirect = (status, location) => { response.writeHead(status, { location }); response.end(); };
    if (request.method === "POST") posts++;
    if (request.url === "/moved") return redirect(303, "/seen");
    if (request.url === "/elsewhere") return redirect(302, "http://elsewhere.invalid/login");
    if (request.url === "/loop") return redirect(302, "/loop");
    if (request.url === "/page") { response.setHeader("content-type", "text/html"); return response.end("<html></html>"); }
    if (request.url === "/denied") { response.statusCode = 401; return response.end("the app's own"); }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method: request.method, url: request.url, body, posts, custom: request.headers["x-custom"] }));
  });
});
server.on("upgrade", (request, socket) => {
  if (request.url === "/no-socket") return socket.end("HTTP/1.1 403 Forbidden\\r\\nContent-Length: 0\\r\\n\\r\\n");
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if ((chunk[0] & 15) === 8) { socket.end(); return; }
    const length = chunk[1] & 127;
    const text = Buffer.from(chunk.subarray(6, 6 + length).map((byte, index) => byte ^ chunk[2 + (index & 3)]));
    socket.write(Buffer.concat([Buffer.from([129, length]), text]));
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
`;

/** Starts it in the sandbox; resolves when it listens. It ends with the sandbox. */
export async function startPreviewApp(backend: Backend, port: number): Promise<void> {
  await backend.writeFile("preview-app.cjs", source);
  const app = await backend.spawn(["node", "preview-app.cjs", String(port)]);
  const reader = app.stdout.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (done) throw new Error(`The app ended: ${JSON.stringify(await app.wait())}`);
  app.detach();
}

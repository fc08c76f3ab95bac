/**
 * A web server for whatever interpreter the sandbox has: it answers every request with one line. The first that is there runs.
 */
export function previewServerCommand(port: number, answer: string): string {
  const node = `require("http").createServer((_, response) => response.end(${JSON.stringify(answer)})).listen(${port}, "127.0.0.1")`;
  const python = [
    "import http.server",
    "class Answer(http.server.BaseHTTPRequestHandler):",
    "    def do_GET(self):",
    "        self.send_response(200)",
    "        self.end_headers()",
    `        self.wfile.write(${JSON.stringify(answer)}.encode())`,
    "    def log_message(self, *arguments): pass",
    `http.server.HTTPServer(("127.0.0.1", ${port}), Answer).serve_forever()`,
  ].join("\n");
  const perl = [
    "use IO::Socket::INET;",
    `my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => ${port}, Listen => 5, ReuseAddr => 1) or die;`,
    `my $answer = ${perlQuote(answer)};`,
    "while (my $client = $server->accept) {",
    '  while (my $line = <$client>) { last if $line eq "\\r\\n"; }',
    '  print $client "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: " . length($answer) . "\\r\\n\\r\\n" . $answer;',
    "  close $client;",
    "}",
  ].join("\n");
  // `exec` in a background list: the server is the process itself, and its output is nobody's.
  return `(
if command -v node >/dev/null; then exec node -e ${quote(node)}
elif command -v python3 >/dev/null; then exec python3 -c ${quote(python)}
elif command -v perl >/dev/null; then exec perl -e ${quote(perl)}
else echo "The sandbox has none of node, python3 and perl." >&2; exit 1; fi
) >/tmp/preview-server.log 2>&1 &`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function perlQuote(text: string): string {
  return `"${text.replaceAll(/[\\"$@]/g, "\\$&")}"`;
}

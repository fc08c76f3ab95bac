/**
 * Python that runs the code with its outputs in files, and tells what happens: on the wire while the connection lasts, and in the
 * files. It stays in the interpreter as the module `sandbox_backend_interpreter`, and nowhere in the code's own namespace.
 */
export const recorderProgram = String.raw`
import ast, base64, io, json, linecache, os, shutil, signal, sys, threading, time, traceback, types

own_name = "<sandbox-backend>"
folder = run["folder"]
pid = os.getpid()


class Target(io.RawIOBase):
    """Standard output or error of the code, in whichever run it is written; between runs it goes nowhere."""

    def __init__(self, number):
        self.number = number
        self.descriptor = None

    def writable(self):
        return True

    def fileno(self):
        return self.number

    def write(self, data):
        return len(data) if self.descriptor is None else os.write(self.descriptor, data)


def make_state():
    state = types.ModuleType("sandbox_backend_interpreter")
    state.count = 0
    state.charts = []
    state.watches = False
    state.targets = [Target(1), Target(2)]
    state.streams = [
        io.TextIOWrapper(target, encoding="utf-8", errors="backslashreplace", write_through=True)
        for target in state.targets
    ]
    sys.modules[state.__name__] = state
    return state


state = sys.modules.get("sandbox_backend_interpreter") or make_state()


def write_whole(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def write_file(name, data):
    """Whole or not at all."""
    path = os.path.join(folder, name)
    descriptor = os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_whole(descriptor, data)
    finally:
        os.close(descriptor)
    os.rename(path + ".part", path)


def start_ticks():
    with open("/proc/self/stat", "rb") as file:
        return file.read().rsplit(b") ", 1)[1].split()[19].decode()


def tidy_up():
    parent = os.path.dirname(folder)
    for name in run["unneeded"]:
        shutil.rmtree(os.path.join(parent, name), ignore_errors=True)
    if state.count > 0:
        return
    for entry in os.scandir(parent):
        try:
            if entry.name.startswith("code-") and entry.stat().st_mtime < time.time() - 86400:
                shutil.rmtree(entry.path, ignore_errors=True)
        except OSError:
            pass


class Run:
    def __init__(self):
        self.is_running = False
        self.was_interrupted = False
        self.is_over_limit = False
        self.results = []
        self.inline_left = run["inlineBytes"]
        self.sent = [0, 0]
        self.stop = threading.Event()
        self.wire = None
        self.outputs = []

    def tell(self, *words):
        line = json.dumps({"type": "stdout", "text": " ".join((run["tag"],) + words)}) + "\n"
        write_whole(self.wire, line.encode())

    def send(self, at_most):
        """Output that has come since the last call, as long as there is not too much of it; the host reads the rest from the files."""
        for index, word in enumerate(("out", "err")):
            size = os.fstat(self.outputs[index]).st_size
            end = min(size, self.sent[index] + min(at_most, self.inline_left))
            while self.sent[index] < end:
                start = self.sent[index]
                data = os.pread(self.outputs[index], min(131072, end - start), start)
                if not data:
                    break
                self.tell(word, str(start), base64.b64encode(data).decode())
                self.sent[index] += len(data)
                self.inline_left -= len(data)

    def pump(self):
        while not self.stop.wait(0.05):
            self.send(131072)
            if not self.is_over_limit and sum(os.fstat(it).st_size for it in self.outputs) > run["maxLogBytes"]:
                self.is_over_limit = True
                os.kill(pid, signal.SIGINT)

    def on_interrupt(self, number, frame):
        self.was_interrupted = True
        if self.is_running:
            signal.default_int_handler(number, frame)

    def execute(self):
        state.count += 1
        name = "<code-%d>" % state.count
        code = run["code"]
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        tree = ast.parse(code, name)
        last = tree.body.pop().value if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec", dont_inherit=True), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last), name, "eval", dont_inherit=True), namespace)
            if value is not None:
                self.results.append(shown_value(value))

    def guarded(self):
        """The exception that ended the code, described. What it has drawn until then is drawn."""
        error = self.attempt()
        if error is not None:
            try:
                collect_charts()
            except BaseException:
                pass
        return error

    def attempt(self):
        try:
            self.is_running = True
            if self.was_interrupted:
                raise KeyboardInterrupt
            self.execute()
            collect_charts()
            return None
        except SystemExit as error:
            self.is_running = False
            return None if error.code in (None, 0) else described(error)
        except BaseException as error:
            self.is_running = False
            return described(error)
        finally:
            self.is_running = False


def described(error):
    try:
        value = str(error)
    except Exception:
        value = "<no message>"
    try:
        shown = traceback.TracebackException(type(error), error, error.__traceback__)
        shown.stack = traceback.StackSummary.from_list([it for it in shown.stack if it.filename != own_name])
        text = "".join(shown.format())
    except Exception:
        text = type(error).__name__
    return {"name": type(error).__name__, "value": value, "traceback": text[-262144:]}


def shown_value(value):
    data = {}
    forms = {"html": "text/html", "markdown": "text/markdown", "svg": "image/svg+xml", "latex": "text/latex", "json": "application/json", "png": "image/png", "jpeg": "image/jpeg"}
    for form, mime_type in forms.items():
        method = None if isinstance(value, type) else getattr(value, "_repr_%s_" % form, None)
        if not callable(method):
            continue
        try:
            shown = method()
        except Exception:
            continue
        if isinstance(shown, (bytes, bytearray)):
            shown = base64.b64encode(shown).decode()
        if shown is not None:
            data[mime_type] = shown if isinstance(shown, str) else json.dumps(shown)
    return {"text": repr(value), "data": data}


def main():
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        print(run["tag"], "refused")
        return
    tidy_up()
    write_file("pid", ("%d %s %s\n" % (pid, start_ticks(), run["contextId"])).encode())
    this = Run()
    before = signal.signal(signal.SIGINT, this.on_interrupt)
    for stream in (sys.__stdout__, sys.__stderr__):
        stream.flush()
    this.wire = os.dup(1)
    kept = [os.dup(number) for number in range(3)]
    old_streams = sys.stdin, sys.stdout, sys.stderr
    old_variable = os.environ.get(run["processVariable"])
    os.environ[run["processVariable"]] = os.path.basename(folder)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    this.outputs = [os.open(os.path.join(folder, name), flags, 0o600) for name in ("run.out", "run.err")]
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate([nothing] + this.outputs):
        os.dup2(descriptor, number)
    for target, descriptor in zip(state.targets, this.outputs):
        target.descriptor = descriptor
    sys.stdin = open(nothing, "r")
    sys.stdout, sys.stderr = state.streams
    this.tell("began", str(pid))
    watch_pyplot()
    pump = threading.Thread(target=this.pump, daemon=True)
    pump.start()
    error = this.guarded()
    if os.getpid() != pid:
        # A process that the code has forked must not go on as a second interpreter.
        os._exit(0 if error is None else 1)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    this.stop.set()
    pump.join()
    for target in state.targets:
        target.descriptor = None
    sys.stdin.close()
    sys.stdin, sys.stdout, sys.stderr = old_streams
    for number, descriptor in enumerate(kept):
        os.dup2(descriptor, number, number < 3)
        os.close(descriptor)
    if old_variable is None:
        os.environ.pop(run["processVariable"], None)
    else:
        os.environ[run["processVariable"]] = old_variable
    sizes = [os.fstat(descriptor).st_size for descriptor in this.outputs]
    this.send(run["inlineBytes"])
    report = {
        "stdoutBytes": sizes[0],
        "stderrBytes": sizes[1],
        "error": error,
        "interrupted": this.was_interrupted,
        "overLimit": this.is_over_limit,
        "results": this.results,
        "charts": state.charts,
    }
    state.charts = []
    data = json.dumps(report)
    write_file("result", data.encode())
    this.tell("end", data if len(data) <= run["inlineResultBytes"] else "-")
    for descriptor in this.outputs + [this.wire]:
        os.close(descriptor)
    signal.signal(signal.SIGINT, before)
`;

/**
 * The program that a context's `python3` runs, as Daytona's own worker behaves (v0.190 daemon): commands are JSON lines on
 * standard input, what happens is JSON lines on standard output. So what the code's own subprocesses print is lost, or harms the
 * lines, and what they read are commands. Scripts of the real one are started from `/tmp`, where Python then looks for modules.
 */
export const workerScript = String.raw`
import contextlib, io, json, os, signal, sys, traceback

sys.path[0] = "/tmp"
namespace = {"__name__": "__main__", "__doc__": None, "__package__": None, "__builtins__": __builtins__}
is_ending = False


def tell(**message):
    json.dump(message, sys.__stdout__)
    sys.__stdout__.write("\n")
    sys.__stdout__.flush()


class Stream(io.TextIOBase):
    encoding = "utf-8"

    def __init__(self, name):
        self.name_of_stream = name
        self.pieces = []

    def writable(self):
        return True

    def isatty(self):
        return False

    def write(self, text):
        text = text if isinstance(text, str) else str(text)
        if text == "":
            return 0
        self.pieces.append(text)
        if "\n" in text or sum(map(len, self.pieces)) >= 1024:
            self.flush()
        return len(text)

    def flush(self):
        if self.pieces:
            text = "".join(self.pieces)
            self.pieces.clear()
            tell(type=self.name_of_stream, text=text)


def on_interrupt(number, frame):
    raise KeyboardInterrupt("Execution interrupted")


def on_terminate(number, frame):
    global is_ending
    is_ending = True
    raise KeyboardInterrupt("Shutting down")


def shown_traceback(error):
    lines = []
    # The first frame is this program's own, whose name is the same.
    for frame in traceback.extract_tb(error.__traceback__.tb_next):
        if frame.filename == "<string>":
            lines.append('  File "<stdin>", line %d\n' % frame.lineno)
            if frame.line:
                lines.append("    %s\n" % frame.line)
    last = "%s: %s\n" % (type(error).__name__, error)
    return "".join(["Traceback (most recent call last):\n", *lines, last]) if lines else last


@contextlib.contextmanager
def environment(changes):
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def execute(code, changes):
    out, err = Stream("stdout"), Stream("stderr")
    end, failure = "completed", None
    try:
        with environment(changes), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            exec(compile(code, "<string>", "exec"), namespace)
    except KeyboardInterrupt:
        end = "interrupted"
    except SystemExit:
        pass
    except Exception as error:
        failure = dict(name=type(error).__name__, value=str(error), traceback=shown_traceback(error))
    finally:
        out.flush()
        err.flush()
        if failure is not None:
            tell(type="error", **failure)
        tell(type="control", text=end)


signal.signal(signal.SIGINT, on_interrupt)
signal.signal(signal.SIGTERM, on_terminate)
while not is_ending:
    try:
        line = sys.stdin.readline()
        if line == "":
            break
        command = json.loads(line)
        execute(command["code"], command["envs"])
    except KeyboardInterrupt:
        continue
`;

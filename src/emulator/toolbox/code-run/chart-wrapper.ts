/** Begins a line of output that holds something else than output (Daytona v0.190 daemon). */
export const artifactMarker = "dtn_artifact_k39fd2:";

/**
 * Python code in a program that prints what `pyplot.show()` is to show as data, as the real daemon does for code that imports
 * matplotlib.
 */
export function withCharts(code: string): string {
  const encoded = Buffer.from(code).toString("base64");
  return wrapper.replace("ENCODED_CODE", () => encoded).replace("MARKER", () => artifactMarker);
}

const wrapper = `
import base64, importlib.abc, importlib.util, io, json, linecache, sys, traceback, types

name = "<target_code>"
code = base64.b64decode("ENCODED_CODE").decode()
shown = set()


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, module_name, path=None, target=None):
        if module_name != "matplotlib.pyplot":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(module_name)
        spec.loader = Loader(spec.loader)
        return spec


class Loader(importlib.abc.Loader):
    def __init__(self, original):
        self.original = original

    def create_module(self, spec):
        return self.original.create_module(spec)

    def exec_module(self, pyplot):
        self.original.exec_module(pyplot)
        from matplotlib.axes import Axes

        show, draw_boxes = pyplot.show, Axes.bxp

        def bxp(self, bxpstats, *args, **options):
            self.emulated_boxes = list(bxpstats)
            return draw_boxes(self, self.emulated_boxes, *args, **options)

        def show_as_data(*args, **options):
            for number in pyplot.get_fignums():
                if number not in shown:
                    shown.add(number)
                    print_chart(pyplot.figure(number))
            result = show(*args, **options)
            pyplot.close("all")
            shown.clear()
            return result

        Axes.bxp, pyplot.show = bxp, show_as_data


def print_chart(figure):
    image = io.BytesIO()
    figure.savefig(image, format="png", bbox_inches="tight", dpi=100)
    charts = [chart_of(ax) for ax in figure.axes if ax.has_data() and not hasattr(ax, "_colorbar")]
    if len(charts) > 1:
        title = figure.texts[0].get_text() if figure.texts else None
        chart = {"type": "composite_chart", "title": title, "elements": charts}
    else:
        chart = charts[0] if charts else {"type": "unknown"}
    chart["png"] = base64.b64encode(image.getvalue()).decode()
    print("MARKER" + json.dumps({"type": "chart", "value": chart}, default=plain))


def plain(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)


def chart_of(ax):
    kind = kind_of(ax)
    chart = {"type": kind, "title": ax.get_title(), "x_label": ax.get_xlabel(), "y_label": ax.get_ylabel()}
    for letter, axis, scale in (("x", ax.xaxis, ax.get_xscale()), ("y", ax.yaxis, ax.get_yscale())):
        ticks = [float(tick) for tick in axis.get_ticklocs()]
        labels = [label.get_text() for label in axis.get_ticklabels()]
        is_numbered = any(tick != index or str(index) == label for index, (tick, label) in enumerate(zip(ticks, labels)))
        chart[letter + "_ticks"], chart[letter + "_tick_labels"] = ticks, labels
        chart[letter + "_scale"] = "categorical" if scale == "linear" and not is_numbered else scale
    chart["elements"] = elements_of(ax, kind)
    return chart


def kind_of(ax):
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import PathPatch, Rectangle, Shadow, Wedge
    from matplotlib.text import Text

    artists = [it for it in ax.get_children() if it in set(ax.lines) | set(ax.patches) | set(ax.collections)]
    artists = [it for it in artists if not isinstance(it, (Text, Shadow))]

    def all_are(*kinds):
        return all(isinstance(it, kinds) for it in artists)

    if all_are(Line2D):
        return "line"
    if all_are(PathPatch, Line2D):
        return "box_and_whisker"
    artists = [it for it in artists if not (isinstance(it, Line2D) and is_grid_line(it))]
    for kind, name in ((PathCollection, "scatter"), (Rectangle, "bar"), (Wedge, "pie")):
        if all_are(kind):
            return name
    return "unknown"


def is_grid_line(line):
    x, y = line.get_xdata(), line.get_ydata()
    return len(x) == 2 and len(y) == 2 and (x[0] == x[1] or y[0] == y[1])


def elements_of(ax, kind):
    if kind == "line":
        lines = [it for it in ax.get_lines() if not is_grid_line(it)]
        return [{"label": it.get_label(), "points": list(zip(it.get_xdata(), it.get_ydata()))} for it in lines]
    if kind == "scatter":
        return [{"label": it.get_label(), "points": it.get_offsets()} for it in ax.collections]
    if kind == "bar":
        return [bar for container in ax.containers for bar in bars_of(ax, container)]
    if kind == "pie":
        return [{"label": it.get_label(), "angle": abs(it.theta2 - it.theta1), "radius": it.r} for it in ax.patches]
    if kind == "box_and_whisker":
        return [box_of(box) for box in getattr(ax, "emulated_boxes", [])]
    return []


def bars_of(ax, container):
    is_horizontal = container.orientation == "horizontal"
    labels = [it.get_text() for it in (ax.get_yticklabels() if is_horizontal else ax.get_xticklabels())]
    values = [bar.get_width() if is_horizontal else bar.get_height() for bar in container]
    return [{"label": label, "group": container.get_label(), "value": value} for label, value in zip(labels, values)]


def box_of(box):
    names = {"min": "whislo", "first_quartile": "q1", "median": "med", "third_quartile": "q3", "max": "whishi"}
    numbers = {ours: float(box[theirs]) for ours, theirs in names.items()}
    return dict(numbers, label=str(box.get("label", "")), outliers=list(box.get("fliers", [])))


def run():
    sys.meta_path.insert(0, Finder())
    module = types.ModuleType("__main__")
    module.__file__ = name
    sys.modules["__main__"] = module
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    try:
        exec(compile(code, name, "exec"), module.__dict__)
    except Exception as error:
        own = error.__traceback__
        while own is not None and own.tb_frame.f_code.co_filename != name:
            own = own.tb_next
        traceback.print_exception(type(error), error, own)
        sys.exit(1)


run()
`;

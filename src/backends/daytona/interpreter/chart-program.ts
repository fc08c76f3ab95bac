/**
 * Python that makes data and a PNG of the figures of matplotlib, where the code uses it. Needs `state`; defines `watch_pyplot` and
 * `collect_charts`.
 */
export const chartProgram = `
import importlib.abc, importlib.util, math


class PyplotFinder(importlib.abc.MetaPathFinder):
    """Lets pyplot be imported as always, and then changes what it means to show figures on a machine without a screen."""

    def find_spec(self, name, path=None, target=None):
        if name != "matplotlib.pyplot":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        original = spec.loader

        class Loader(importlib.abc.Loader):
            def create_module(self, spec):
                return original.create_module(spec)

            def exec_module(self, module):
                original.exec_module(module)
                prepare_pyplot(module)

        spec.loader = Loader()
        return spec


def watch_pyplot():
    # What is prepared once calls the functions of the run that goes on.
    state.collect = collect_charts
    if not state.watches:
        state.watches = True
        sys.meta_path.insert(0, PyplotFinder())


def prepare_pyplot(pyplot):
    from matplotlib.axes import Axes

    if "MPLBACKEND" not in os.environ:
        pyplot.switch_backend("agg")
    pyplot.show = lambda *args, **options: state.collect()
    draw_boxes = Axes.bxp

    def bxp(self, bxpstats, *args, **options):
        # Only here the numbers are known; what is drawn are lines.
        bxpstats = list(bxpstats)
        self.sandbox_backend_boxes = getattr(self, "sandbox_backend_boxes", []) + bxpstats
        return draw_boxes(self, bxpstats, *args, **options)

    Axes.bxp = bxp


def collect_charts():
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    try:
        for number in pyplot.get_fignums():
            state.charts.append(chart_of(pyplot.figure(number)))
    finally:
        pyplot.close("all")


def chart_of(figure):
    image = io.BytesIO()
    figure.savefig(image, format="png", bbox_inches="tight", dpi=100)
    axes = [ax for ax in figure.axes if ax.has_data() and not hasattr(ax, "_colorbar")]
    charts = [axes_chart(ax) for ax in axes]
    if len(charts) == 1:
        chart = charts[0]
    else:
        title = figure._suptitle.get_text() if figure._suptitle is not None else ""
        elements = [{"label": it["title"], "chart": it} for it in charts]
        chart = {"type": "composite_chart" if charts else "unknown", "title": title, "xLabel": "", "yLabel": "", "elements": elements}
    return dict(chart, png=base64.b64encode(image.getvalue()).decode())


def axes_chart(ax):
    kinds = {"box_and_whisker": boxes_of(ax)}
    if not kinds["box_and_whisker"]:
        kinds = {"line": lines_of(ax), "scatter": scatters_of(ax), "bar": bars_of(ax), "pie": slices_of(ax)}
    present = [kind for kind, elements in kinds.items() if elements]
    kind = present[0] if len(present) == 1 else "unknown"
    return {
        "type": kind,
        "title": ax.get_title(),
        "xLabel": ax.get_xlabel(),
        "yLabel": ax.get_ylabel(),
        "elements": kinds.get(kind, []),
    }


def label_of(artist):
    label = str(artist.get_label())
    return "" if label.startswith("_") else label


def coordinate(value):
    if isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ == "datetime64":
        return str(value)
    return finite(value)


def finite(value):
    number = float(value)
    return number if math.isfinite(number) else None


def points_of(pairs):
    points = [[coordinate(x), coordinate(y)] for x, y in pairs]
    return [point for point in points if None not in point]


def lines_of(ax):
    # Lines at a height or a place of their own, as those of a grid, are not data.
    lines = [line for line in ax.get_lines() if line.get_transform() == ax.transData]
    return [
        {"label": label_of(line), "points": points_of(zip(line.get_xdata(orig=True), line.get_ydata(orig=True)))}
        for line in lines
    ]


def scatters_of(ax):
    from matplotlib.collections import PathCollection

    scatters = [it for it in ax.collections if isinstance(it, PathCollection)]
    return [{"label": label_of(it), "points": points_of(it.get_offsets())} for it in scatters]


def bars_of(ax):
    from matplotlib.container import BarContainer

    elements = []
    for container in ax.containers:
        if not isinstance(container, BarContainer):
            continue
        is_horizontal = container.orientation == "horizontal"
        axis = ax.yaxis if is_horizontal else ax.xaxis
        names = {round(float(place), 6): text.get_text() for place, text in zip(axis.get_ticklocs(), axis.get_ticklabels())}
        for bar in container:
            start, size = (bar.get_y(), bar.get_height()) if is_horizontal else (bar.get_x(), bar.get_width())
            center = float(start + size / 2)
            value = finite(bar.get_width() if is_horizontal else bar.get_height())
            if value is not None:
                label = names.get(round(center, 6)) or "%g" % center
                elements.append({"label": label, "group": label_of(container), "value": value})
    return elements


def slices_of(ax):
    from matplotlib.patches import Wedge

    return [
        {"label": label_of(it), "angle": float(abs(it.theta2 - it.theta1)), "radius": float(it.r)}
        for it in ax.patches
        if isinstance(it, Wedge)
    ]


def boxes_of(ax):
    names = {"whislo": "min", "q1": "firstQuartile", "med": "median", "q3": "thirdQuartile", "whishi": "max"}
    elements = []
    for box in getattr(ax, "sandbox_backend_boxes", []):
        element = {ours: finite(box[theirs]) for theirs, ours in names.items()}
        element = {name: value for name, value in element.items() if value is not None}
        outliers = [finite(value) for value in box.get("fliers", [])]
        element["outliers"] = [value for value in outliers if value is not None]
        elements.append(dict(element, label=str(box.get("label", ""))))
    return elements
`;

"""`queuectl metrics`: counts by state, and how long completed jobs took."""

from __future__ import annotations

from queuectl.job import State
from queuectl.store.base import Metrics
from queuectl.wire import metrics_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.output import Output
    from queuectl.cli.parser import Parser
    from queuectl.store.base import Durations

DURATIONS = ("completed_count", "avg_ms", "min_ms", "max_ms", "p50_ms", "p95_ms", "p99_ms")


def configure(parser: Parser) -> None:
    """Describe the command line of `metrics`."""
    parser.describe(
        "",
        "Show how many jobs are in each state, and how long completed jobs took, of all queues and of each.\n"
        "Durations cover what has completed since the last clear, within the setting keep_completed.",
        "queuectl metrics\nqueuectl metrics --json | jq .completed.p95_ms",
    )


def run(_args: Namespace, app: App) -> int:
    """Write the metrics."""
    queue = app.reading_queue()
    metrics = queue.metrics() if queue else Metrics(dict.fromkeys(State, 0), None, {})
    if app.out.json:
        app.out.value(metrics_fields(metrics))
    else:
        _print(app.out, metrics)
    return 0


def _print(out: Output, metrics: Metrics) -> None:
    out.line("Job counts by state:")
    out.table(("state", "cnt"), [(state, str(metrics.counts[state])) for state in State], right="cnt", state="state")
    out.line("\nCompleted jobs duration:")
    out.whole_table(DURATIONS, [_figures(metrics.completed)], right=" ".join(DURATIONS))
    if len(metrics.queues) > 1:
        _print_queues(out, metrics)
    if metrics.upkeep is not None:
        dead_rows, oldest = metrics.upkeep
        out.line(f"\nStore: {dead_rows} dead rows, the oldest transaction has been open for {oldest:.1f} s")


def _print_queues(out: Output, metrics: Metrics) -> None:
    out.line("\nJobs by queue and state:")
    rows = [(name, *(str(counts[state]) for state in State)) for name, (counts, _) in metrics.queues.items()]
    out.whole_table(("queue", *State), rows, right=" ".join(State))
    out.line("\nCompleted jobs duration by queue:")
    rows = [(name, *_figures(completed)) for name, (_, completed) in metrics.queues.items()]
    out.whole_table(("queue", *DURATIONS), rows, right=" ".join(DURATIONS))


def _figures(completed: Durations | None) -> list[str]:
    if completed is None:
        return ["0", *("-" for _ in DURATIONS[1:])]
    count, *seconds = completed
    return [str(count), *(f"{second * 1000:.0f}" for second in seconds)]

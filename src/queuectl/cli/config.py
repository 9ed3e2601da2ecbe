"""`queuectl config set|get|list`: the settings of a queue, kept in its store."""

from __future__ import annotations

from queuectl.cli.terminal import safe
from queuectl.config import KEYS, key_named, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser


def configure_set(parser: Parser) -> None:
    """Describe the command line of `config set`."""
    keys = "\n".join(f"  {key.name:<19}  {key.default:<7}  {key.help}" for key in KEYS.values())
    parser.describe(
        "KEY VALUE",
        "Change a setting of this queue, for all its workers and for jobs enqueued from now on. Keys,\n"
        f"also written with hyphens, and their defaults:\n\n{keys}",
        "queuectl config set backoff_base 3\nqueuectl config set default-timeout 30m",
    )
    parser.add_argument("key", metavar="KEY", help="name of the setting")
    parser.add_argument("value", metavar="VALUE", help="its new value")


def run_set(args: Namespace, app: App) -> int:
    """Change a setting."""
    name = key_named(args.key).name
    queue = app.queue()
    queue.set_setting(name, args.value)
    value, origin = queue.setting_origins()[name]
    if app.out.json:
        app.out.value(_fields(name, value, origin))
    if origin == "environment":
        app.out.say(f"{name} = {args.value} is kept; here QUEUECTL_{name.upper()}={value} overrides it")
    else:
        app.out.say(f"{name} = {value}")
    return 0


def configure_get(parser: Parser) -> None:
    """Describe the command line of `config get`."""
    parser.describe("KEY", "Print the value of a setting that is in force here.", "queuectl config get backoff_base")
    parser.add_argument("key", metavar="KEY", help="name of the setting")


def run_get(args: Namespace, app: App) -> int:
    """Print a setting."""
    name = key_named(args.key).name
    value, origin = _settings(app)[name]
    if app.out.json:
        app.out.value(_fields(name, value, origin))
    else:
        app.out.line(safe(value))
    return 0


def configure_list(parser: Parser) -> None:
    """Describe the command line of `config list`."""
    parser.describe(
        "", "List every setting, its value in force here, and where that comes from.", "queuectl config list"
    )


def run_list(_args: Namespace, app: App) -> int:
    """Write the settings."""
    settings = _settings(app)
    if app.out.json:
        app.out.values(_fields(name, *setting) for name, setting in settings.items())
    elif app.out.quiet:
        for name in settings:
            app.out.line(name)
    else:
        rows = [
            (name, safe(value), f"QUEUECTL_{name.upper()}" if origin == "environment" else origin)
            for name, (value, origin) in settings.items()
        ]
        app.out.table(("KEY", "VALUE", "ORIGIN"), rows)
    return 0


def _settings(app: App) -> dict[str, tuple[str, str]]:
    queue = app.reading_queue()
    return queue.setting_origins() if queue else resolve({}, app.environ)


def _fields(name: str, value: str, origin: str) -> dict[str, object]:
    return {"key": name, "value": value, "origin": origin}

"""Holds a dashboard against the types of Grafana's own schema, as the package grafana-foundation-sdk has them.

In comes the dashboard's JSON on standard input; out go lines that say what is wrong, and exit status 1 where there are any.
Fields that the schema does not have are lost when it is read and written again; values that are not of their type are found
by walking the objects along their type hints.
"""

import enum
import json
import sys
import typing

from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import barchart, dashboard, stat, table, timeseries

wrong = []
KINDS = {"barchart": barchart, "stat": stat, "table": table, "timeseries": timeseries}


def lost(path, before, after):
    """Everything of before must stand in after."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after:
                if value is not None:
                    wrong.append(f"{path}.{key} is not in the schema")
            else:
                lost(f"{path}.{key}", value, after[key])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, value in enumerate(before):
            lost(f"{path}[{i}]", value, after[i])
    elif before != after:
        wrong.append(f"{path}: {before!r} reads {after!r}")


def fits(value, hint):
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any or hint is object:
        return True
    if origin is typing.Union:
        return any(fits(value, a) for a in args)
    if origin is typing.Literal:
        return value in args
    if origin is list:
        return isinstance(value, list) and all(fits(v, args[0]) for v in value)
    if origin is dict:
        return isinstance(value, dict)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in [m.value for m in hint]
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, dict) and hasattr(hint, "from_json"):  # left as it was read
        lost(hint.__name__, value, json.loads(json.dumps(hint.from_json(value), cls=encoder.JSONEncoder)))
        return True
    if isinstance(hint, type):
        return isinstance(value, hint) or hint.__module__.endswith("variants")
    return True


def walk(path, value):
    """Every attribute must be of its type."""
    if isinstance(value, list):
        for i, v in enumerate(value):
            walk(f"{path}[{i}]", v)
        return
    if not type(value).__module__.startswith("grafana_foundation_sdk"):
        return
    hints = typing.get_type_hints(type(value))
    for name, attribute in vars(value).items():
        if attribute is not None and name in hints and not fits(attribute, hints[name]):
            wrong.append(f"{path}.{name}: {attribute!r} is not {hints[name]}")
        walk(f"{path}.{name}", attribute)


def main():
    plugins.register_default_plugins()
    before = json.load(sys.stdin)
    for annotation in before.get("annotations", {}).get("list", []):
        annotation.pop("target")  # the schema has that of Grafana's own data source here; "this should be a regular DataQuery", it says
    read = dashboard.Dashboard.from_json(before)
    lost("dashboard", before, json.loads(json.dumps(read, cls=encoder.JSONEncoder)))
    walk("dashboard", read)
    for panel in read.panels:
        module = KINDS.get(panel.type_val)
        if module is None:
            wrong.append(f"{panel.title}: a panel of type {panel.type_val}")
        elif not isinstance(panel.options, module.Options):
            wrong.append(f"{panel.title}: its options were not read as those of {panel.type_val}")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()

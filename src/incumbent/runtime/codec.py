"""Immutable values as JSON and back: each with the name of its class under "is"."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from incumbent.lease import Lease


def encode(value: Any) -> Any:
    """A record, or what is in one, as what JSON can hold."""
    if isinstance(value, Lease):
        content: dict[str, Any] = dict(value.to_fields())
    elif hasattr(value, "_asdict"):
        content = value._asdict()
    elif is_dataclass(value):
        content = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    elif isinstance(value, datetime):
        content = {"iso": value.isoformat(timespec="microseconds")}
    elif isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    elif isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    else:
        return value
    return {"is": type(value).__name__, **{key: encode(item) for key, item in content.items()}}


def decode(value: Any, makers: Mapping[str, Callable[..., Any]]) -> Any:
    """Rebuild what `encode` was given; each class is made by its maker."""
    if isinstance(value, list):
        return tuple(decode(item, makers) for item in value)
    if not isinstance(value, dict):
        return value
    content = {key: decode(item, makers) for key, item in value.items() if key != "is"}
    if value.get("is") == "Lease":
        return Lease.from_fields(content)
    return makers[value["is"]](**content) if "is" in value else content


def line(value: Any) -> str:
    """One line of NDJSON. What JSON cannot hold, such as a version of some other store's, is its `repr`."""
    return json.dumps(encode(value), ensure_ascii=False, separators=(",", ":"), default=repr) + "\n"

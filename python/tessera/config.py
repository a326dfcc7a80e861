"""Configs: values of dotted keys as TOML."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Mapping

import numpy as np


def to_toml(keys: Mapping[str, Any]) -> str:
    """Returns the TOML text of keys such as {"job": "tv", "tv.lambda": 0.1}.

    Raises:
        ValueError: a key is not a name, or two names with a dot between.
        TypeError: a value is not a text, path, truth value, number, or list of these.
    """
    sections: dict[str, list[str]] = {"": []}
    for key, value in keys.items():
        if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?", key):
            raise ValueError(f"options: the key {key!r}: want section.key, such as \"tikhonov.method\"")
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(f"{name} = {_value(key, value)}")
    text = []
    for section, lines in sections.items():
        text += ([f"\n[{section}]"] if section else []) + lines
    return "\n".join(text) + "\n"


def _value(key: str, value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))  # nan and inf are TOML as well
    if isinstance(value, (str, os.PathLike)):
        # The escapes of JSON are those of TOML, but for DEL.
        return json.dumps(os.fspath(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(key, v) for v in value) + "]"
    raise TypeError(f"options: {key} is a {type(value).__name__}: want a text, a number, a truth value or a list of these")

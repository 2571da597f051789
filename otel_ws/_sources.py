"""Where settings come from: keywords, Django's settings, the environment."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, Final

from ._log import report
from ._rules import ConfigError, Rule, suggestion

PREFIX: Final = "OTEL_WS_"


def collect(
    rules: Mapping[str, Rule],
    keywords: Mapping[str, Any],
    settings: Mapping[str, Any],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Return the value of each setting from the first source that has it.

    An unknown keyword is an error; an unknown variable, which may be another program's, is said.
    """
    for name in keywords.keys() - rules.keys():
        raise ConfigError(f"{name}: there is no such setting. {suggestion(name, rules)}")
    for variable in environ:
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name not in rules:
            near = suggestion(name, rules)
            report(f"environment variable {variable}: there is no such setting. {near}", period=inf)
    found = {}
    for name, rule in rules.items():
        variable = PREFIX + name.upper()
        if name in keywords:
            found[name] = rule.check(name, keywords[name])
        elif variable in settings:
            found[name] = rule.check(variable, settings[variable])
        elif rule.parse is not None and environ.get(variable):  # An empty one counts as unset.
            text = environ[variable]
            found[name] = rule.check(f"environment variable {variable}", rule.parse(text))
    return found

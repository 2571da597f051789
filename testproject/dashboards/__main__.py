"""Write the dashboard and the alert rules: ``scripts/dashboards [directory]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .alerts import rules
from .grafana import dashboard

DIRECTORY = Path(__file__).resolve().parent.parent.parent / "docs" / "dashboards"


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {
        "grafana.json": json.dumps(dashboard(), indent=2) + "\n",
        "alerts.yaml": rules(),
    }


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (directory / name).write_text(text)
        print(directory / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY)

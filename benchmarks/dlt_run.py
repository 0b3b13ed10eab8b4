"""One sync by dlt's rest_api source, inside the peers' environment (:mod:`benchmarks.environment`).

``python -m benchmarks.dlt_run sqlite|duckdb ADDRESS DIRECTORY numbered|linked`` reads every list of the platform at
ADDRESS to its end, by the numbers of its pages or by what each page says of the next one, merges it by primary key into
a new database in DIRECTORY, and prints what came of it as JSON.

The settings are the fastest we found with dlt 1.31 for these pages on two cores: intermediate files are not compressed,
two processes normalize, the lists are read in parallel, rows are not searched for nested tables, DuckDB is loaded
through parquet. Parquet by ADBC into SQLite was no faster. Importing, and everything that dlt does only once in a
process, is not timed: a run over the first pages comes before the one that counts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

KIND, ADDRESS, DIRECTORY, PAGING = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]
KEYS = {"sentEmails": "row_index", "activities": "id", "undelivered": "id"}
"""The lists, and what tells the rows of each apart."""
LIBRARIES = {"sqlite": ("dlt", "SQLAlchemy"), "duckdb": ("dlt", "duckdb", "pyarrow")}

os.environ |= {
    "DLT_DATA_DIR": str(DIRECTORY / "dlt"),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "2",
}

import dlt  # type: ignore[import-not-found] # noqa: E402 - it reads the environment
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found] # noqa: E402


def main(kind: str) -> None:
    """Run, and say how it went."""
    _pipeline(kind, "warm").run(_source(1), loader_file_format=_format(kind))
    pipeline, source = _pipeline(kind, "rows"), _source()
    began = time.perf_counter()
    pipeline.run(source, loader_file_format=_format(kind))
    seconds = time.perf_counter() - began
    told = {
        "seconds": seconds,
        "rows": _count(pipeline),
        "peak_mb": _peak_mb(),
        "versions": {name: version(name) for name in LIBRARIES[kind]},
    }
    sys.stdout.write(json.dumps(told))


PAGINATORS: dict[str, dict[str, Any]] = {
    "numbered": {"type": "page_number", "base_page": 0, "page_param": "page_index", "total_path": None},
    "linked": {"type": "header_cursor", "cursor_key": "x-next-page", "cursor_param": "page_index"},
}


def _source(pages: int | None = None) -> Any:
    source = rest_api_source(
        {
            "client": {"base_url": ADDRESS},
            "resource_defaults": {
                "write_disposition": "merge",
                "max_table_nesting": 0,
                "endpoint": {"paginator": dict(PAGINATORS[PAGING])},
            },
            "resources": [
                {
                    "name": name,
                    "primary_key": key,
                    "endpoint": {"path": f"campaigns/email/{name}", "params": {"page_size": "1000"}},
                }
                for name, key in KEYS.items()
            ],
        },
        name="platform",
    )
    # "parallelized" in the configuration above is accepted and does nothing.
    for resource in source.resources.values():
        resource.parallelize()
        if pages:
            resource.add_limit(pages)
    return source


def _pipeline(kind: str, name: str) -> Any:
    path = DIRECTORY / f"{name}.db"
    if kind == "sqlite":
        destination = dlt.destinations.sqlalchemy(f"sqlite:///{path}")
    else:
        destination = dlt.destinations.duckdb(str(path))
    # In SQLite every other name than main is a file of its own.
    dataset = "main" if kind == "sqlite" else "polled"
    folder = str(DIRECTORY / "pipelines")
    return dlt.pipeline(name, destination=destination, dataset_name=dataset, pipelines_dir=folder)


def _format(kind: str) -> str | None:
    return "parquet" if kind == "duckdb" else None


def _count(pipeline: Any) -> int:
    with pipeline.sql_client() as client:
        tables = [client.make_qualified_table_name(table["name"]) for table in pipeline.default_schema.data_tables()]
        return sum(client.execute_sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables)


def _peak_mb() -> float:
    """Of this process; the two that normalize are not counted."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main(KIND)

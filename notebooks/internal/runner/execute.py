"""Executes one notebook with nbclient, cell by cell.

The first argument is a JSON object: path, kernel, timeout (seconds a cell may take), cwd, executed and html (files to
write). Every event is one line of JSON on file descriptor 3. After each cell one line is read from standard input:
"next" goes on, anything else stops. Standard output and error belong to the kernel, which inherits them.
"""

import json
import os
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError


def outputs(cell):
    """What the judge needs of a cell's outputs: texts, errors, and the types of the rest."""
    found = []
    for out in cell.get("outputs", []):
        if out.output_type == "stream":
            found.append({"type": "stream", "name": out.name, "text": out.text})
        elif out.output_type == "error":
            found.append({"type": "error", "name": out.ename, "text": out.evalue, "traceback": out.traceback})
        else:
            found.append({"type": "display", "mimes": sorted(out.data), "html": out.data.get("text/html", "")})
    return found


def run(job, emit):
    notebook = nbformat.read(job["path"], as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name=job["kernel"],
        timeout=job["timeout"],
        startup_timeout=120,
        allow_errors=True,
        coalesce_streams=True,
        resources={"metadata": {"path": job["cwd"]}},
    )
    try:
        start = time.monotonic()
        with client.setup_kernel():
            emit(event="kernel", seconds=time.monotonic() - start)
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                emit(event="start", cell=index)
                start, failure = time.monotonic(), ""
                try:
                    client.execute_cell(cell, index)
                except CellTimeoutError:
                    failure = "timeout"
                except DeadKernelError:
                    failure = "dead kernel"
                emit(event="end", cell=index, seconds=time.monotonic() - start, outputs=outputs(cell), failure=failure)
                if sys.stdin.readline().strip() != "next":
                    break
    finally:
        nbformat.write(notebook, job["executed"])
    return notebook


def main():
    job = json.loads(sys.argv[1])
    events = os.fdopen(3, "w", encoding="utf-8", buffering=1)

    def emit(**event):
        events.write(json.dumps(event) + "\n")

    try:
        notebook = run(job, emit)
        emit(event="note", text="writing HTML")
        from nbconvert import HTMLExporter

        html, _ = HTMLExporter().from_notebook_node(notebook)
        with open(job["html"], "w", encoding="utf-8") as file:
            file.write(html)
        emit(event="done")
    except Exception as error:  # reported to the reader by the other side
        emit(event="fatal", failure=f"{type(error).__name__}: {error}")
        raise


main()

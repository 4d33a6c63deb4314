"""What the Train page asks: the options, trainings to start, stop and resume, and all runs.

::

    GET  /api/options                the table of options, as the command line has it
    POST /api/train                  {source, target, text, ignore, no_header, valid, options}
                                     -> 201 {run}
    GET  /api/runs                   every run: state, options, figures
    GET  /api/runs/{id}              one of them
    GET  /api/runs/{id}/events       its history, live (see `luce.server.ui.events`)
    GET  /api/runs/{id}/report       its report, to be shown in a frame without rights
    POST /api/runs/{id}/stop         keeps the best model so far
    POST /api/runs/{id}/resume       {changes} -> 202
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from luce.server.ui import events
from luce.server.ui.bodies import json_object
from luce.server.ui.jobs import Job, Jobs
from luce.server.ui.training_requests import changed_arguments, training_of
from luce.server.ui.workspace import Run, UnknownId, Workspace
from luce.tasks.options import OPTIONS
from luce.tasks.run_listing import describe_run
from luce.tasks.runs import REPORT

_MOST = 1 << 20  # bytes of a body; a table may have many columns to be left out
_IN_A_FRAME = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " frame-ancestors 'self'; sandbox",
    "x-frame-options": "SAMEORIGIN",
}


def routes(workspace: Workspace, jobs: Jobs | None = None) -> list[Route]:
    """Return the routes, to be mounted under ``/api``."""
    trainings = _Trainings(workspace, jobs or Jobs(workspace))
    return [
        Route("/options", _options, methods=["GET"]),
        Route("/train", trainings.start, methods=["POST"]),
        Route("/runs", trainings.listed, methods=["GET"]),
        Route("/runs/{id}", trainings.described, methods=["GET"]),
        Route("/runs/{id}/events", trainings.followed, methods=["GET"]),
        Route("/runs/{id}/report", trainings.report, methods=["GET"]),
        Route("/runs/{id}/stop", trainings.stop, methods=["POST"]),
        Route("/runs/{id}/resume", trainings.resume, methods=["POST"]),
    ]


async def _options(request: Request) -> Response:
    table = [option.to_json() for option in OPTIONS.values() if option.name != "data"]
    return JSONResponse({"options": table})


class _Trainings:
    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace, self._jobs = workspace, jobs

    async def start(self, request: Request) -> Response:
        """Start a training."""
        body = await json_object(request, _MOST)

        def blocking() -> Job:
            wanted = training_of(self._workspace, body)
            return self._jobs.start(
                wanted.options, slug=wanted.slug, name=wanted.name, hidden=wanted.location
            )

        job = await anyio.to_thread.run_sync(blocking)
        return JSONResponse({"run": job.id}, 201)

    async def listed(self, request: Request) -> Response:
        """List all runs, the newest first, and trainings that have no run yet."""
        found = await anyio.to_thread.run_sync(self._all)
        return JSONResponse({"runs": found})

    async def described(self, request: Request) -> Response:
        """Describe one run."""
        id = request.path_params["id"]
        found = await anyio.to_thread.run_sync(lambda: self._described(self._run(id)))
        return JSONResponse(found)

    async def followed(self, request: Request) -> Response:
        """Follow a run."""
        run = await anyio.to_thread.run_sync(self._run, request.path_params["id"])
        return events.stream(request, run.folder, lambda: self._state(run))

    async def report(self, request: Request) -> Response:
        """Show the report of a run."""
        run = await anyio.to_thread.run_sync(self._run, request.path_params["id"])
        try:
            page = await anyio.Path(run.folder / REPORT).read_bytes()
        except OSError as error:
            raise UnknownId(
                "a report is written when the training has ended, but this run has none. Write it"
                f" with: luce report {run.folder}"
            ) from error
        return Response(page, media_type="text/html; charset=utf-8", headers=_IN_A_FRAME)

    async def stop(self, request: Request) -> Response:
        """Stop a training."""
        run = await anyio.to_thread.run_sync(self._run, request.path_params["id"])
        job = await anyio.to_thread.run_sync(self._jobs.stop, run.id)
        return JSONResponse(job.to_json(), 202)

    async def resume(self, request: Request) -> Response:
        """Go on with a training that has ended."""
        body = await json_object(request, _MOST)
        run = await anyio.to_thread.run_sync(self._run, request.path_params["id"])

        def blocking() -> Job:
            options = describe_run(run.folder)["options"]
            arguments = changed_arguments(self._workspace, run.folder, options, body)
            name = self._name(options.get("data"))
            return self._jobs.resume(
                run.id, run.folder, arguments, name=name, hidden=str(options.get("data"))
            )

        job = await anyio.to_thread.run_sync(blocking)
        return JSONResponse({"run": job.id}, 202)

    def _run(self, id: str) -> Run:
        """The run with an id; a training started here may have no run yet, or none left."""
        job = self._jobs.get(id)
        if job is not None:
            return Run(job.id, job.id, job.folder)
        return self._workspace.run(id)

    def _all(self) -> list[dict[str, Any]]:
        runs = self._workspace.runs()
        known = {run.id for run in runs}
        early = [
            Run(job.id, job.id, job.folder)
            for job in reversed(self._jobs.all())
            if job.id not in known
        ]
        return [self._described(run) for run in [*early, *runs]]

    def _described(self, run: Run) -> dict[str, Any]:
        tree = describe_run(run.folder)
        options = tree["options"]
        if "data" in options:
            options = {**options, "data": self._name(options["data"])}
        return {
            "id": run.id,
            "name": run.name,
            **tree,
            "options": options,
            **self._state(run, tree),
        }

    def _state(self, run: Run, tree: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The state of the run folder, and what is known of the child if it is one of ours."""
        tree = tree or describe_run(run.folder)
        job = self._jobs.get(run.id)
        if job is None:
            return {"state": tree["state"], "job": None}
        state = tree["state"]
        if job.state in ("preparing", "running", "failed"):
            state = job.state
        elif job.process.returncode not in (0, 130) and not tree["has_model"]:
            state = "failed"
        return {"state": state, "job": job.to_json()}

    def _name(self, location: object) -> str:
        """Data as the user calls them; where an upload lies is nobody's business."""
        for source in self._workspace.sources():
            if source.location == location:
                return source.name
        return Path(str(location)).name if _is_private(str(location)) else str(location)


def _is_private(location: str) -> bool:
    return any(part.startswith("luce-ui-") for part in Path(location).parts)

"""The program of the process apart: jobs as lines of JSON in, messages as lines of JSON out, one job at a time.

    settings   {"store", "memory_bytes", "warm_bytes", "idle_s"}                                        the first line
    jobs       {"id", "kind": "explain", "version", "inputs", "facts", "budget_s", "without"}
               {"id", "kind": "try", "version", "inputs", "seed"}
               {"id", "kind": "score", "version", "inputs"}
               {"id", "kind": "warm", "version"}                                  done when nothing else waits
               {"kind": "told", "body" or "problem"}                              what came of an "ask"
    messages   {"id", "say": "began" | "progress" | "draft" | "report" | "answer" | "warmed" | "refused" | "fault", …}
               {"id", "say": "ask", "body"}      of a model that is served elsewhere: whoever waits makes the call
"""

from __future__ import annotations

import json
import os
import resource
import select
import time
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from explain.isolated.shelf import Ready, Refused, Shelf
from explain.methods import DecisionFacts, compose_report
from explain.methods.trying import try_inputs
from registry.scoring.confinement import confine
from registry.scoring.problems import ScoreInvalid

# Of a job's time, what may go into scoring the background of a version that is not prepared yet.
PREPARE_SHARE = 0.35
# Processor seconds that one job may use; the kernel ends a process that takes more, whoever else is gone by then.
JOB_CPU_S = 120
WARM_S = 30.0

Job = dict[str, Any]
Say = Callable[[Job], None]


def main() -> None:
    """Serve until nobody asks any more."""
    inbox = Inbox(0)
    settings = inbox.line()
    if settings is None:
        return
    say = _speaker()
    limits = {"memory_bytes": settings["memory_bytes"], "cpu_s": 2**31, "answer": 0, "files": 128}
    confine(**limits, readable=[settings["store"]])
    shelf = Shelf(Path(settings["store"]), settings["warm_bytes"])
    for job in inbox.jobs(settings["idle_s"]):
        _limit_processor()
        about = partial(_say_about, say, job["id"])
        shelf.ask = partial(_ask, inbox, about)
        about({"say": "began"})
        about(_answered(shelf, job, about))


def _say_about(say: Say, number: int, message: Job) -> None:
    say({"id": number, **message})


def _ask(inbox: Inbox, say: Say, body: bytes) -> bytes:
    """What a model elsewhere answers: whoever waits asks it, since nothing here reaches a network."""
    say({"say": "ask", "body": b64encode(body).decode()})
    told = inbox.told()
    if "problem" in told:
        raise ScoreInvalid(told["problem"])
    return b64decode(told["body"])


def _answered(shelf: Shelf, job: Job, say: Say) -> Job:
    """The last message about a job, whatever happens to it."""
    try:
        return _WORK[job["kind"]](shelf, job, say)
    except Refused as error:
        return {"say": "refused", "code": error.code, "message": str(error)}
    except ScoreInvalid as error:
        words = f"The model does not answer these inputs: {error}."
        return {"say": "refused", "code": "no_score", "message": words}
    except Exception as error:  # noqa: BLE001 - the process must live on, and the one who waits must hear of it
        return {"say": "fault", "message": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}


def _explain(shelf: Shelf, job: Job, say: Say) -> Job:
    begun = time.perf_counter()

    def progress(stage: str, share: float) -> None:
        say({"say": "progress", "stage": stage, "share": share})

    progress("load", 0.0)
    ready = shelf.ready(job["version"], PREPARE_SHARE * job["budget_s"])
    _check(ready, job["inputs"], "The recorded inputs do not fit this version")
    loaded = time.perf_counter() - begun
    report = compose_report(
        ready.prepared,
        job["inputs"],
        DecisionFacts(**job["facts"]),
        ready.manifest.output,
        progress=progress,
        budget_s=job["budget_s"] - loaded,
        without=job["without"],
        keep=lambda draft: say({"say": "draft", "report": draft}),
    )
    report["timings_ms"]["load"] = round(loaded * 1e3, 3)
    return {"say": "report", "report": report}


def _try(shelf: Shelf, job: Job, say: Say) -> Job:
    ready = shelf.ready(job["version"], WARM_S)
    _check(ready, job["inputs"], "These values do not fit the version")
    return {"say": "answer", "answer": try_inputs(ready.prepared, job["inputs"], ready.manifest.output, job["seed"])}


def _score(shelf: Shelf, job: Job, say: Say) -> Job:
    ready = shelf.ready(job["version"], WARM_S)
    _check(ready, job["inputs"], "These values do not fit the version")
    subject = ready.prepared.subject
    scores = subject.score(subject.codes_of(job["inputs"]).reshape(1, -1))
    return {"say": "answer", "answer": {"score": float(scores[0])}}


def _warm(shelf: Shelf, job: Job, say: Say) -> Job:
    shelf.ready(job["version"], WARM_S)
    return {"say": "warmed"}


_WORK: dict[str, Callable[[Shelf, Job, Say], Job]] = {"explain": _explain, "score": _score, "try": _try, "warm": _warm}


def _check(ready: Ready, inputs: Job, words: str) -> None:
    """Decisions made elsewhere were checked by nobody: what does not fit is said, not guessed at."""
    problems = ready.check(inputs)
    if problems:
        listed = "; ".join(f"{problem.path} {problem.problem}" for problem in problems[:5])
        raise Refused("inputs_invalid", f"{words}: {listed}.")


class Inbox:
    """Lines of JSON from a file descriptor. A job for somebody who waits goes before one that only warms up."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""
        self._waiting: list[Job] = []
        self._is_open = True

    def line(self) -> Job | None:
        """The next line, or None at the end."""
        while not self._waiting and self._is_open:
            self._read()
        return self._waiting.pop(0) if self._waiting else None

    def told(self) -> Job:
        """What comes of a question in the middle of a job; jobs that arrive before it wait."""
        while True:
            for place, line in enumerate(self._waiting):
                if line["kind"] == "told":
                    return self._waiting.pop(place)
            if not self._is_open:
                raise ScoreInvalid("nobody is left to ask the endpoint")
            self._read()

    def jobs(self, idle_s: float | None) -> Iterator[Job]:
        """Jobs until the end of the input, or until none came for so long (s)."""
        while True:
            while self._is_open and self._comes(0.0 if self._waiting else idle_s):
                self._read()
            if not self._waiting:
                return
            urgent = [place for place, job in enumerate(self._waiting) if job["kind"] != "warm"]
            yield self._waiting.pop(urgent[0] if urgent else 0)

    def _comes(self, seconds: float | None) -> bool:
        return bool(select.select([self.descriptor], [], [], seconds)[0])

    def _read(self) -> None:
        data = os.read(self.descriptor, 1 << 20)
        self._is_open = bool(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._waiting += [json.loads(line) for line in lines]


def _speaker() -> Say:
    """Writes messages to what was the standard output, to which libraries may print no more."""
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(message: Job) -> None:
        said = json.dumps(message, allow_nan=False).encode() + b"\n"
        while said:
            said = said[os.write(answer, said) :]

    return say


def _limit_processor() -> None:
    """A new allowance of processor time: the kernel's end to a loop that nothing else can end."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + JOB_CPU_S, hard))


if __name__ == "__main__":
    main()

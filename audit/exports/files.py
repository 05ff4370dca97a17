"""The files of exports: `VAR_DIR/exports/<job>/<attempt>/`, mode 0700, so that no two attempts share one."""

from __future__ import annotations

import hashlib
import shutil
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import FileResponse

CHUNK_BYTES = 1024 * 1024


def exports_dir() -> Path:
    """Where all exports are kept."""
    return settings.VAR_DIR / "exports"


def folder_of(job: uuid.UUID) -> Path:
    """Where a job's files are, if it has any."""
    return exports_dir() / str(job)


def new_folder(job: uuid.UUID, attempt: int) -> Path:
    """An empty folder for one attempt; what an earlier one left goes, and with it the ground under its feet."""
    remove(job)
    folder = folder_of(job) / str(attempt)
    for part in (exports_dir(), folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
    return folder


def remove(job: uuid.UUID) -> None:
    """Delete all files of a job; nothing where there are none."""
    shutil.rmtree(folder_of(job), ignore_errors=True)


def kept_jobs() -> list[uuid.UUID]:
    """The jobs of which there are files."""
    return [uuid.UUID(folder.name) for folder in exports_dir().glob("*-*-*-*-*")] if exports_dir().is_dir() else []


def digest_of(file: Path) -> str:
    """SHA-256 of the file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def as_download(file: Path) -> FileResponse:
    """The file as an answer that nobody in between keeps."""
    answer = FileResponse(file.open("rb"), as_attachment=True, filename=file.name)
    answer["Cache-Control"] = "private, no-store"
    return answer


def zip_folder(folder: Path, target: Path, step: Callable[[float], None]) -> None:
    """Put a folder's files into one zip, compressed; `step` hears the share that is done and may raise to stop it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    total, done = sum(file.stat().st_size for file in files) or 1, 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            with file.open("rb") as source, archive.open(str(file.relative_to(folder)), "w", force_zip64=True) as sink:
                while chunk := source.read(CHUNK_BYTES):
                    sink.write(chunk)
                    done += len(chunk)
                    step(done / total)

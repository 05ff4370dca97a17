"""Removes a VAR_DIR, but only one that this product made and that no running product holds."""

import fcntl
import shutil
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Remove the folder, or stop with a sentence."""
    if not folder.exists():
        print(f"{folder} does not exist: nothing to remove.")
        return
    if not (folder / "secrets").is_dir():
        sys.exit(f"{folder} does not look like this product's state: it has no secrets folder. Nothing was removed.")
    lock = folder / "run" / "supervisor.lock"
    if lock.exists():
        with lock.open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                sys.exit("The product is running: stop it first (Ctrl-C there). Nothing was removed.")
    shutil.rmtree(folder)
    print(f"{folder} is removed.")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

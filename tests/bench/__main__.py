"""All benches, one table each; their numbers as JSON in VAR_DIR/bench (by default var/bench).

    python -m tests.bench            about eight minutes on a machine that does nothing else
    python -m tests.bench --quick    about three: shows that the benches work; its numbers mean little

product     the whole product from nothing to /healthz 200 and to its demo data, and once more with the data there
gates       upload of a version to the verdict of every gate; and for every gate an input that must fail it
explain     click to finished explanation of the three versions' decisions, beside the naive script with shap and lime
rollback    from a switch's answer to the first decision of the last of four gateways by the new release, under load;
            and what it costs to see before what a rollback would change
intake      decisions reported in bulk, beside COPY of the same rows into the same tables
gateway     audited decisions a second, beside the gateway without records and an echo

Everything runs on the loopback, on free ports and in directories of its own, which are removed; a product that runs
beside it is not touched, but slows it down. Ctrl-C stops all that was started, and so does the end of half an hour.

On noise. Client, load and the product share the machine's cores, so every number includes what the client costs, and
whatever else runs at the time. Each result carries the load average at its start and the time of a fixed piece of
Python: compare two runs only where these agree, and believe no difference under 20 %. Medians bear a busy machine
better than p95 and p99 do, which with 50 and 30 values rest on one to three of them; the maximum is printed beside. A
decision waits for its commit to reach the disk: set TMPDIR to a directory on the disk that you mean. The first start
after a change of the code also compiles it. The naive script pays for its imports, which a worker has paid before: the
ratio is what the person waits, the column before it what the two methods alone cost there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.bench import explain_bench, gates_bench, gateway_bench, intake_bench, product, results, rollback_bench


def main() -> None:
    """Run them in turn; exit code 1 when a decision failed, a version that was rolled back went on answering, or a gate
    passed what must fail it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    quick = parser.parse_args().quick
    product.stop_when_told()
    about = results.conditions()
    with product.fresh() as running:
        product.report(running, about)
        explain_bench.run(running, *((5, 1, 6) if quick else (50, 3, 50)))
        clean = rollback_bench.run(running, 3 if quick else 50)
        clean = gates_bench.run(running, *([3] if quick else [])) and clean
    print("\nAudited decisions a second, beside the gateway without records and an echo", flush=True)
    gateway_bench.main(["--seconds", "1", "--models", "xgboost"] if quick else ["--seconds", "3"])
    preview = [sys.executable, "-m", "tests.bench.rollback_preview", "--decisions", "5000" if quick else "100000"]
    subprocess.run(preview, cwd=results.ROOT, check=True)
    # Last, and by itself: it sets Django up on a database of its own, as the one before does in a process of its own.
    intake_bench.main(["--rows", "10000" if quick else "100000"])
    print(f"\nAs JSON in {results.folder()}")
    words = "A decision failed, a version that was rolled back went on answering, or a gate passed what must fail it."
    raise SystemExit(0 if clean else words)


if __name__ == "__main__":
    main()

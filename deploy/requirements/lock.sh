#!/bin/sh
# Rewrites the lock files beside this script: exact versions with hashes, no download addresses. Needs `uv`.
set -eu
cd "$(dirname "$0")"
for group in base models embedded dev; do
  uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-header --no-annotate "$group.in" -o "$group.txt"
done

#!/usr/bin/env bash
# Are the committed contracts what this program would write? Usage: schemas.sh COPPICE SOURCE_DIR
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"$1" schema write "$work" >/dev/null
for part in json openapi type_ids.txt; do
  diff -ru "$2/schemas/$part" "$work/$part" || { echo "schemas/$part is stale: ./coppice check --write" >&2; exit 1; }
done

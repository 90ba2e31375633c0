#!/bin/sh
# Builds the release binary with all runtimes where it is out of date, quietly, and becomes it.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
binary=${CARGO_TARGET_DIR:-$here/target}/release/ottla
[ -x "$binary" ] || echo "building ottla, which takes some minutes the first time" >&2
words=$(cargo build --release --bin ottla --features tokio,smol,std --manifest-path "$here/Cargo.toml" 2>&1) || {
    echo "$words" >&2
    exit 1
}
exec "$binary" "$@"

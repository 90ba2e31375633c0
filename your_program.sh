#!/bin/sh
# Builds the release binary where it is out of date, and becomes it.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cargo build --quiet --release --bin ottla --manifest-path "$here/Cargo.toml" ${OTTLA_FEATURES:+--no-default-features --features "$OTTLA_FEATURES"}
exec "${CARGO_TARGET_DIR:-$here/target}/release/ottla" "$@"

#!/bin/bash
# libraries.sh BINARY ROOT: copies what the dynamic loader would load for BINARY to the same paths below ROOT.
set -euo pipefail

{ ldd "$1" 2> /dev/null || true; } | { grep -oE '/[^ ]+' || true; } | sort -u | while read -r library; do
    if [ ! -e "$2$library" ]; then
        mkdir -p "$2$(dirname "$library")"
        cp -L "$library" "$2$library"
    fi
done

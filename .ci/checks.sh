# What Panarch needs of a machine, as questions; read by `.ci/require` and `.ci/run` from the root of the checkout.

# The oldest Rust that builds it.
wanted_rust() {
    sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml
}

# The version of the rustc in the path; empty when there is none or it does not run.
found_rust() {
    rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9]*\.[0-9]*\).*/\1/p'
}

has_rust() {
    command -v cargo >/dev/null 2>&1 || return 1
    found=$(found_rust)
    [ -n "$found" ] || return 1
    oldest=$(printf '%s\n%s\n' "$(wanted_rust)" "$found" | sort -t. -k1,1n -k2,2n | head -n 1)
    [ "$oldest" = "$(wanted_rust)" ]
}

# A compiler without the C library's headers cannot build the bundled SQLite: a program is compiled and linked.
has_c_compiler() {
    command -v cc >/dev/null 2>&1 || return 1
    folder=$(mktemp -d) || return 1
    cat >"$folder/a.c" <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) { return printf("%d", abs(-1)) < 0; }
C
    outcome=0
    cc -o "$folder/a" "$folder/a.c" >/dev/null 2>&1 || outcome=1
    rm -rf "$folder"
    return "$outcome"
}

# Megabytes that can still be written to a folder, or to the nearest one above it that is there.
free_megabytes() {
    place=$1
    while [ ! -d "$place" ]; do
        place=$(dirname "$place")
    done
    df -Pm "$place" 2>/dev/null | awk 'NR == 2 { print $4 }'
}

# The folder of fetched datasets, as the program finds it; empty when nothing says where it is.
data_folder() {
    case "${PANARCH_DATA:+set}${XDG_DATA_HOME:-}" in
        set*) echo "$PANARCH_DATA" ;;
        /*) echo "$XDG_DATA_HOME/panarch" ;;
        *) [ -z "${HOME:-}" ] || echo "$HOME/.local/share/panarch" ;;
    esac
}

# Whether Fashion-MNIST is here or can be had: fetched, an installed package, the package archive, a mirror.
has_fashion_mnist() {
    folder=$(data_folder)
    for place in "${folder:-/nowhere}/fashion-mnist" /usr/share/datasets/fashion-mnist; do
        ls "$place"/train-images-idx3-ubyte* >/dev/null 2>&1 && return 0
    done
    if command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1; then
        apt-get download --print-uris dataset-fashion-mnist >/dev/null 2>&1 && return 0
    fi
    mirror=http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz
    if command -v curl >/dev/null 2>&1; then
        curl --silent --fail --head --max-time 20 "$mirror" >/dev/null 2>&1 && return 0
    elif command -v wget >/dev/null 2>&1; then
        wget --quiet --spider --timeout=20 --tries=1 "$mirror" 2>/dev/null && return 0
    fi
    return 1
}

#!/bin/sh
# Installs the Debian packages that a command of this project needs: install-deps.sh run|test|lint|fuzz|bench [...]
# Says what it does, and does nothing when all of them are there.
set -eu

build="gcc libc6-dev make cmake ninja-build pkg-config libevent-dev libevhtp-dev libyajl-dev librdkafka-dev libssl-dev
 libcurl4-openssl-dev libsqlite3-dev libexpat1-dev libyaml-dev libjemalloc-dev tzdata ca-certificates"
kafka="default-jre-headless maven"
python="python3 python3-pytest python3-pytest-timeout python3-pytest-xdist python3-jsonschema python3-yaml python3-cryptography
 python3-confluent-kafka"
tools="kcat procps strace valgrind openssl curl bash zsh fish groff-base"

packages=
for set in "$@"; do
    case $set in
    run) packages="$packages $build" ;;
    test) packages="$packages $build $kafka $python $tools libcmocka-dev" ;;
    lint) packages="$packages $build libcmocka-dev clang-format clang-tidy shellcheck docker-compose" ;;
    fuzz) packages="$packages $build libcmocka-dev clang libclang-rt-14-dev" ;;
    bench) packages="$packages $build $kafka $python valgrind wrk" ;;
    *)
        echo "install-deps.sh: no set of packages is called '$set'; there are: run test lint fuzz bench" >&2
        exit 2
        ;;
    esac
done

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "install-deps.sh: this is not a Debian system; install what these Debian packages hold, then build with cmake:" >&2
    echo "$packages" >&2
    exit 1
fi

missing=
for package in $packages; do
    case " $missing " in *" $package "*) continue ;; esac
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "install-deps.sh: these packages are missing; run as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "install-deps.sh: installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086 # the list is split on purpose
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing

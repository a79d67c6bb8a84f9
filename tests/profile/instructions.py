#!/usr/bin/python3
"""How many instructions a callback costs, from its bytes to its records, for every adapter and kind of message, held
against tests/profile/baseline.json: `make test` fails when one takes more than 3 % more, `make baseline` writes the
file anew.

Instructions do not depend on what else the machine does, nor on its speed. They do depend on the compiler and the
libraries, which the baseline names. What libraries choose by the processor (vector instructions for memcpy and SHA-256)
is switched off: the figures are for comparing, not for the length of a callback in time.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BASELINE = HERE / "baseline.json"
TOLERANCE_PERCENT = 3
PACKAGES = ["gcc", "libc6", "libexpat1", "libssl3", "libyajl2", "valgrind"]
# As little as every x86-64 has, so that every machine runs the same code.
PLAIN_PROCESSOR = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-BMI1,-BMI2,-LZCNT,-MOVBE,-POPCNT,"
                      "-SSE4_1,-SSE4_2,-SSSE3,-ERMS,-FSRM,-RTM:glibc.cpu.x86_non_temporal_threshold=0xc0000"
                      ":glibc.cpu.x86_rep_movsb_threshold=0x800:glibc.cpu.x86_rep_stosb_threshold=0x800",
    "OPENSSL_ia32cap": "0:0",
}


def callgrind(binary, directory):
    """Runs it; the files that it left, one for each count."""
    out = pathlib.Path(directory, "callgrind.out")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", **PLAIN_PROCESSOR}
    command = [
        "valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={out}",
        str(binary), str(HERE / "sources.yaml"),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"instructions: {' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return sorted(pathlib.Path(directory).glob("callgrind.out.*"))


def measure(binary):
    """Instructions a callback, by source and kind."""
    counts = {}
    with tempfile.TemporaryDirectory() as directory:
        for path in callgrind(binary, directory):
            text = path.read_text()
            label = re.search(r"^desc: Trigger: Client Request: (\d+) (.+)$", text, re.M)
            if label:
                total = int(re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1])
                counts[label[2]] = round(total / int(label[1]))
    if not counts or min(counts.values()) == 0:
        sys.exit("instructions: valgrind counted nothing")
    return counts


def tools():
    """The versions that the figures depend on."""
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)


def compare(counts, baseline):
    """Prints both; which have become dearer, and whether any has become cheaper, by more than the tolerance."""
    known = baseline["instructions_per_callback"]
    dearer, cheaper = [], False
    width = max(map(len, counts))
    print(f"{'instructions a callback':<{width}} {'baseline':>10} {'now':>10}")
    for label, now in counts.items():
        if label not in known:
            print(f"{label:<{width}} {'':>10} {now:>10}  not in the baseline")
            dearer.append(label)
            continue
        percent = (now - known[label]) / known[label] * 100
        print(f"{label:<{width}} {known[label]:>10} {now:>10} {percent:>+7.1f} %")
        if percent > TOLERANCE_PERCENT:
            dearer.append(label)
        cheaper = cheaper or percent < -TOLERANCE_PERCENT
    return dearer, cheaper


def check(counts):
    baseline = json.loads(BASELINE.read_text())
    dearer, cheaper = compare(counts, baseline)
    gone = sorted(set(baseline["instructions_per_callback"]) - set(counts))
    now = tools()
    others = [f"{name} {now[name]} (baseline: {version})" for name, version in baseline["tools"].items()
              if now[name] != version]
    if others:
        print(f"other tools than the baseline's, which may explain a difference: {', '.join(others)}")
    if cheaper:
        print(f"cheaper than the baseline by more than {TOLERANCE_PERCENT} %: `make baseline` holds on to that")
    if dearer or gone:
        for label in dearer:
            print(f"FAILED: {label} costs more than {TOLERANCE_PERCENT} % more than the baseline, or is new")
        for label in gone:
            print(f"FAILED: {label} is in the baseline and was not counted")
        sys.exit("instructions: make it cheaper again, or say why not and run `make baseline`")
    print(f"instructions: {len(counts)} kinds of callbacks, none dearer by more than {TOLERANCE_PERCENT} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("binary", help="build/tests/instructions")
    parser.add_argument("--renew", action="store_true", help="write the baseline anew")
    options = parser.parse_args()
    counts = measure(options.binary)
    if not options.renew:
        check(counts)
        return
    if BASELINE.exists():
        compare(counts, json.loads(BASELINE.read_text()))
    text = json.dumps({"tools": tools(), "instructions_per_callback": counts}, indent=2, ensure_ascii=False)
    BASELINE.write_text(text + "\n")
    print(f"instructions: wrote {BASELINE}")


main()

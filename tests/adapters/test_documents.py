"""What the README says of names and codes is what the code has, in both languages."""

import re

import pytest
from schemas import ROOT, branches

READMES = {name: (ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md")}
BOTH = pytest.mark.parametrize("text", READMES.values(), ids=READMES)
SOURCES = {path: path.read_text() for folder in ("gateway", "adapters") for path in sorted((ROOT / folder).rglob("*.c"))}
VENDORS = {"7moor": "sevenmoor_call_answers.c", "yeta": "yeta_call_answer.c"}


def rows(text):
    """The tables' rows, as lists of cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


@BOTH
def test_every_command_is_told(text):
    names = {urn.removeprefix("urn:trunkline:schema:command.").removesuffix(":v1") for urn in branches("urn:trunkline:schema:command:v1").values()}
    assert names <= {word for row in rows(text) for word in words(row[0])}


@BOTH
def test_every_status_is_told(text):
    statuses = {urn.removeprefix("urn:trunkline:schema:command.").removesuffix(":v1") for urn in branches("urn:trunkline:schema:command.result:v1").values()}
    assert statuses <= {word for row in rows(text) for word in words(row[0])}


@BOTH
def test_metrics_have_their_names(text):
    """All that are told exist, and all of the worker's are told."""
    told = set(re.findall(r"\btrunkline_[a-z_]+", text))
    there = {name for source in SOURCES.values() for name in re.findall(r'"(trunkline_[a-z_]+)"', source)}
    ours = set(re.findall(r'"(trunkline_[a-z_]+)"', SOURCES[ROOT / "gateway" / "egress" / "tally.c"]))
    assert told - there == set() and ours - told == set() and ours


@BOTH
def test_the_variables_of_the_sample_configuration_are_told(text):
    variables = set(re.findall(r"\$\{([A-Z][A-Z_]*)\b", (ROOT / "deploy" / "trunkline.yaml").read_text())) - {"NAME"}
    assert variables <= {word for row in rows(text) for word in words(row[0])} and len(variables) > 15


def spread(cell):
    """ "6701–6703 6708" as single codes; what stands behind a semicolon too."""
    for first, last in re.findall(r"\b(\d+)(?:–(\d+))?", cell.replace("HTTP 429", "")):
        yield from map(str, range(int(first), int(last or first) + 1))


@BOTH
@pytest.mark.parametrize("column, vendor", enumerate(VENDORS, 2))
def test_codes_mean_what_the_adapters_say(text, column, vendor):
    source = SOURCES[ROOT / "adapters" / VENDORS[vendor]]
    rules = dict(re.findall(r'\{"?(\w+)"?, CALL_(\w+), ACTED_', source.replace("CODE_OK", "200")))
    there = {(code, meaning.lower()) for code, meaning in rules.items() if not code.startswith("http_")}
    codes = [row for row in rows(text) if len(row) == 4 and words(row[0])]
    assert {(code, words(row[0])[0]) for row in codes for code in spread(row[column])} == there and len(there) > 20


def test_both_languages_have_the_same_tables():
    english, chinese = ([[words(re.sub("<[^>]*>", "", row[0])), len(row)] for row in rows(text)] for text in READMES.values())
    assert english == chinese


@pytest.mark.parametrize("name", [*READMES, "DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []

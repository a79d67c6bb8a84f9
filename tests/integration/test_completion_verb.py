"""Shell completion and the manual page: what they tell is what the verbs take."""

import re
import shutil
import subprocess

import pytest
import yaml

from gateway import configuration, run
from shells import Bash, Fish, Zsh


def words(*line):
    """What the last word of the line may become."""
    done = run("completion", "words", "--", *line)
    assert done.returncode == 0 and done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def verbs():
    return [word for word in words("") if not word.startswith("-")]


def actions(verb):
    """The ways to call a verb, for its options differ between them."""
    offered = [word for word in words(verb, "") if not word.startswith((":", "-"))]
    return [[verb, action] for action in offered] or [[verb]]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "trunkline.yaml"
    text = configuration("127.0.0.1:1", tmp_path / "data", "here-")
    text["accounts"] = [{"name": "north", "adapter": "yeta", "settings": {"app_key": "a", "app_secret": "b"}}]
    path.write_text(yaml.safe_dump(text, allow_unicode=True))
    return path


def test_options_that_are_offered_are_taken_and_no_others():
    for verb in verbs():
        described = dict(re.findall(r"^  (--[a-z-]+)( \S+)?  ", run(verb, "--help").stdout, re.M))
        offered = set()
        for call in actions(verb):
            mine = set(words(*call, "--")) - {"--help"}
            offered |= mine
            for option, value in described.items():
                if option not in mine:
                    told = run(*call, option, *(["1"] if value else []))
                    refusal = f"there is no option '{option}'|{option} does not go with"
                elif value:
                    told = run(*call, option)
                    refusal = f"a value is missing behind '{option}'"
                else:
                    told = run(*call, option, "--no-such-option")
                    refusal = "there is no option '--no-such-option'"
                assert told.returncode == 2 and re.search(refusal, told.stderr), (call, option, told.stderr)
        assert offered == set(described), verb


@pytest.fixture
def shell(tmp_path):
    """Starts a shell in an empty home: shell(Zsh)."""
    opened = []

    def start(kind):
        home = tmp_path / kind.name
        home.mkdir()
        opened.append(kind(home))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_bash_completes_out_of_the_binary(shell, config):
    bash = shell(Bash)
    assert bash.offered("deadl") == ["deadletter"]
    assert bash.offered("deadletter", "") == ["list", "show", "replay"]
    assert bash.offered("deadletter", "list", "--so") == ["--source"]
    assert bash.offered("convert", "--config", config, "--source", "7") == ["7moor"]
    assert bash.offered("tap", "--config", "=", config, "--topic", "=", "here-trunkline.re") == ["here-trunkline.results"]
    assert bash.offered("command", "hold", "--config", config, "") == ["north"]
    assert bash.offered("check", "--config", "/etc/") == ["compopt -o default"] + [""]
    assert bash.offered("nothing", "") == [""]
    (bash.home / "mine.yaml").write_bytes(config.read_bytes())
    assert bash.offered("command", "hold", "--config", "~/mine.yaml", "") == ["north"]


def test_fish_completes_out_of_the_binary(shell, config):
    fish = shell(Fish)
    meaning = "lists and shows callbacks and commands that became no event, and replays them"
    assert fish.offered("trunkline deadl") == {"deadletter": meaning}
    assert set(fish.offered("trunkline deadletter ")) == {"list", "show", "replay"}
    assert list(fish.offered("trunkline deadletter list --so")) == ["--source"]
    assert fish.offered(f"trunkline convert --config {config} --source 7") == {"7moor": "7moor"}
    topics = fish.offered(f"trunkline tap --config={config} --topic=here-trunkline.re")
    assert list(topics) == ["--topic=here-trunkline.results"]
    assert list(fish.offered(f"trunkline command hold --config {config} ")) == ["north"]
    assert list(fish.offered(f"trunkline check --config {config.parent}/trunk")) == [str(config)]
    assert list(fish.offered(f"trunkline check --config={config.parent}/trunk")) == [f"--config={config}"]
    assert fish.offered("trunkline nothing ") == {}
    (fish.home / "mine.yaml").write_bytes(config.read_bytes())
    assert list(fish.offered("trunkline check --config ~/mi")) == ["~/mine.yaml"]
    assert list(fish.offered("trunkline command hold --config ~/mine.yaml ")) == ["north"]
    assert set(fish.offered("~/bin/trunkline deadletter ")) == {"list", "show", "replay"}


def test_zsh_completes_out_of_the_binary(shell, config):
    zsh = shell(Zsh)
    assert zsh.completed("trunkline deadl") == "trunkline deadletter "
    listed = zsh.listed("trunkline deadletter ")
    assert all(action in listed for action in ("list", "show", "replay"))
    assert re.search(r"deadletter +-- lists and shows callbacks", zsh.listed("trunkline "))
    assert zsh.completed("trunkline deadletter list --so") == "trunkline deadletter list --source "
    assert zsh.completed(f"trunkline convert --config {config} --source 7").endswith(" --source 7moor ")
    topic = zsh.completed(f"trunkline tap --config={config} --topic=here-trunkline.re")
    assert topic.endswith(" --topic=here-trunkline.results ")
    assert zsh.completed(f"trunkline command hold --config {config} ").endswith(" north ")
    assert zsh.completed(f"trunkline check --config {config.parent}/trunk").endswith(f" --config {config} ")
    assert zsh.completed(f"trunkline check --config={config.parent}/trunk").endswith(f" --config={config} ")
    assert zsh.completed("trunkline nothing ") == "trunkline nothing "
    (zsh.home / "mine.yaml").write_bytes(config.read_bytes())
    assert zsh.completed("trunkline check --config ~/mi").endswith(" ~/mine.yaml ")
    assert zsh.completed("trunkline command hold --config ~/mine.yaml ").endswith(" north ")
    assert zsh.completed("~/bin/trunkline deadl") == "~/bin/trunkline deadletter "


def test_names_of_a_configuration(config, tmp_path):
    assert words("send", "--config", config, "--source", "") == ["airudder", "jiuyun", "7moor", "yeta"]
    assert words("send", "--config", config, "--source", "yeta", "--kind", "")
    assert words("command", "submit", "--config", config, "--account", "") == ["north"]
    assert "here-trunkline.call.events" in words("tap", "--config", config, "--topic", "")
    # One that cannot be read is not for a shell to tell of.
    broken = tmp_path / "broken.yaml"
    broken.write_text("sources: 7\nnonsense: x\n")
    assert words("tap", "--config", broken, "--topic", "") == []


@pytest.mark.parametrize("arguments", [[], ["tcsh"], ["bash", "more"], ["words"]])
def test_wrong_command_lines(arguments):
    done = run("completion", *arguments)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert run("manual", "x").returncode == 2


def rendered(source, tmp_path):
    page = tmp_path / "trunkline.1"
    page.write_text(source)
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-rLL=120n", "-P-cbou", page], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.translate({0x2010: "-", 0x2212: "-", 0x2019: "'", 0x2018: "`"})


def test_the_manual_renders_and_has_every_word_of_the_usage_texts(tmp_path):
    source = run("manual").stdout
    page = " ".join(rendered(source, tmp_path).split())
    for verb in verbs():
        usage = run(verb, "--help").stdout.removeprefix("usage: ")
        assert f"trunkline {verb}" in page
        for option in re.findall(r"^  (--[a-z-]+)", usage, re.M):
            assert option in page
        # Hyphenation and line ends apart, the words are there in their order.
        flat = re.sub(r"[\s-]", "", page)
        for paragraph in re.split(r"\n\n|\n(?=  \S)", usage):
            assert re.sub(r"[\s-]", "", paragraph) in flat, paragraph
    for status in ("EXIT STATUS", "ENVIRONMENT", "FILES"):
        assert status in page
    if shutil.which("mandoc"):
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=source, capture_output=True, text=True, timeout=60)
        assert "ERROR" not in done.stdout, done.stdout

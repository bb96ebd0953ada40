"""The workflows of docs/ci: as GitHub and GitLab want them, and their commands, executed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import REPOSITORY, blocks_of

FOLDER = REPOSITORY / "docs/ci"
GITHUB, GITLAB = "vendor.github-workflows", "vendor.gitlab-ci"
SCHEMAS = {"github.yml": GITHUB, "github-board.yml": GITHUB, "gitlab.yml": GITLAB}
# What makes a machine ready; here it is.
SET_UP = re.compile(r"-m venv|pip install|GITHUB_PATH|bin/activate")
# What takes the place of a secret or of a folder of the runner.
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
LIMIT_S = 280


def check(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_every_workflow_is_known():
    assert {path.name for path in FOLDER.glob("*.yml")} == set(SCHEMAS)


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_a_workflow_is_as_its_host_wants_it(name, schema, tmp_path):
    found = check(schema, FOLDER / name)
    assert found.returncode == 0, found.stdout
    broken = tmp_path / name
    text = (FOLDER / name).read_text()
    broken.write_text(re.sub(r"timeout(-minutes)?:", "tiemout:", text))
    assert check(schema, broken).returncode == 1


@dataclass
class Job:
    """A job's commands, in order, and what it keeps.

    Attributes:
        scripts: Each a shell of its own.
        kept: Paths of artefacts.
        environment: Variables of the job.
    """

    scripts: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def of_github(name: str) -> Job:
    (job,) = yaml.safe_load((FOLDER / name).read_text())["jobs"].values()
    found = Job()
    for step in job["steps"]:
        if "run" in step:
            found.scripts.append(step["run"])
            found.environment |= step.get("env", {})
        elif step["uses"].startswith("actions/upload-artifact@"):
            found.kept += step["with"]["path"].split()
    return found


def of_gitlab(name: str) -> Job:
    document = yaml.safe_load((FOLDER / "gitlab.yml").read_text())
    job = {**document[document[name]["extends"]], **document[name]}
    first = "\n".join([*job["before_script"], *job["script"]])
    after = "\n".join(job["after_script"])
    return Job([first, after], job["artifacts"]["paths"], job["variables"])


JOBS = {
    "github": lambda: of_github("github.yml"),
    "github-board": lambda: of_github("github-board.yml"),
    "gitlab-simulators": lambda: of_gitlab("simulators"),
    "gitlab-board": lambda: of_gitlab("board"),
}


@pytest.fixture
def clone(tmp_path):
    """A clone of a repository that has the tests of docs/ci.md in it."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    page = (REPOSITORY / "docs/ci.md").read_text()
    (text,) = (one.text for one in blocks_of(page) if one.text.startswith("# test_model.py"))
    (origin / "test_model.py").write_text(text)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(origin)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)
    (clone / ".venv").mkdir()
    (clone / ".venv/bin").symlink_to(Path(sys.executable).parent)
    return clone


def environment_of(job: Job, clone: Path) -> dict[str, str]:
    """Return what a runner gives its shells."""
    runner = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(clone / "summary.md"),
        "CI_PROJECT_DIR": str(clone),
        "K210_BOARD": "virtual",
    }
    own = {
        name: EXPRESSION.sub(str(clone / "k210.sqlite"), value)
        for name, value in job.environment.items()
        # The caches of the runner, which are warm here.
        if not name.endswith("CACHE_DIR")
    }
    return {**os.environ, **runner, **own}


def run(job: Job, clone: Path) -> None:
    """Run what a runner would run, but for what makes it ready."""
    for script in job.scripts:
        lines = [line for line in script.splitlines() if not SET_UP.search(line)]
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=clone,
            env=environment_of(job, clone),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
@pytest.mark.sim
@pytest.mark.timeout(2 * LIMIT_S)
@pytest.mark.parametrize("name", JOBS)
def test_the_commands_of_a_workflow_run_in_a_clean_clone(name, clone):
    job = JOBS[name]()
    run(job, clone)
    assert job.kept
    assert [path for path in job.kept if not (clone / path).exists()] == []
    assert "1 without a baseline yet" in (clone / "summary.md").read_text()
    assert (clone / "k210.sqlite").exists()


def test_a_step_with_a_mistake_in_it_is_found(clone):
    with pytest.raises(AssertionError, match="--k210-gaet"):
        run(Job(["pytest --k210-gaet auto"]), clone)

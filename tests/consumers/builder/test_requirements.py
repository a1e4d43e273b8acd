"""requirements.txt: names and versions pass, whatever would run code does not."""

from pathlib import Path

import pytest

from consumers.builder.images import DependenciesFailed
from consumers.builder.requirements import requirements


@pytest.mark.parametrize(
    "line",
    [
        "requests",
        "requests==2.32.3",
        "requests >= 2.0, < 3",
        "uvicorn[standard]~=0.30",
        "a.b-c_d!=1.*",
        "tomli>=2; python_version < '3.11'",
        "x==1.0 --hash=sha256:abcd --hash=sha256:ef01",
        "x (>=1.0)",
        "x===1.0+local",
    ],
)
def test_a_name_with_versions_passes(tmp_path: Path, line: str) -> None:
    """The lines of ordinary files are what pip is given."""
    (tmp_path / "requirements.txt").write_text(f"# a comment\n\n{line}  # why\n")

    assert requirements(tmp_path, wheels_only=True) == [line]


def test_a_refused_line_shows_no_password(tmp_path: Path) -> None:
    """What is said of it stands in the log for ever: who stands before a URL's host does not."""
    line = "--index-url https://user:s3cr3t@example.com/simple"
    (tmp_path / "requirements.txt").write_text(line)

    with pytest.raises(DependenciesFailed, match=r"https://\*\*\*@example\.com") as raised:
        requirements(tmp_path, wheels_only=True)

    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--editable=.",
        ".",
        "./evil",
        "/srv/evil",
        "file:///tmp/evil",
        "evil @ file:///tmp/evil",
        "evil @ https://example.com/evil.tar.gz",
        "git+https://example.com/evil",
        "https://example.com/evil.tar.gz",
        "--no-binary :all:",
        "--index-url https://example.com",
        "-i https://example.com",
        "--find-links /tmp",
        "--config-settings=x",
        "x==${SECRET}",
        "x --install-option=y",
        "x --global-option=build_ext",
        "evil.tar.gz/../x",
        "-r ../other.txt",
        "-r /etc/passwd",
        "-c constraints.txt",
    ],
)
def test_what_could_run_code_does_not_pass(tmp_path: Path, line: str) -> None:
    """Folders and URLs are built even with --only-binary, so the line is refused by name."""
    (tmp_path / "requirements.txt").write_text(f"requests\n{line}\n")

    with pytest.raises(DependenciesFailed, match=r"requirements\.txt:2:"):
        requirements(tmp_path, wheels_only=True)


def test_another_file_may_be_named(tmp_path: Path) -> None:
    """-r is followed within the folder, and not for ever."""
    (tmp_path / "requirements.txt").write_text("-r more/base.txt\nb\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/base.txt").write_text("a\\\n==1\n")

    assert requirements(tmp_path, wheels_only=True) == ["a ==1", "b"]
    (tmp_path / "more/base.txt").write_text("-r base.txt\n")
    with pytest.raises(DependenciesFailed):
        requirements(tmp_path, wheels_only=True)


def test_an_operator_may_allow_urls(tmp_path: Path) -> None:
    """Where building is allowed, a package may come from a URL; a folder never."""
    (tmp_path / "requirements.txt").write_text("x @ https://example.com/x.tar.gz\n")

    assert requirements(tmp_path, wheels_only=False) == ["x @ https://example.com/x.tar.gz"]
    (tmp_path / "requirements.txt").write_text("-e .\n")
    with pytest.raises(DependenciesFailed):
        requirements(tmp_path, wheels_only=False)


def test_no_file_is_nothing_to_install(tmp_path: Path) -> None:
    """Most functions need the standard library alone."""
    assert requirements(tmp_path, wheels_only=True) == []

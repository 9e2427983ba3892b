"""README.md and docs/ as data: their blocks of code, commands, links, tables and names."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|<(https?://[^>\s]+)>")
FILE = re.compile(
    r"[\w./-]*\w\.(py|js|sh|md|toml|yaml|json|css|html|txt|lock|template|png)|[\w./-]+/|Dockerfile"
)
NAME = re.compile(r"#?[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\(\))?")


@dataclass(frozen=True)
class Block:
    """A fenced block: the document and line in which it begins, its language and its text without indentation."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks_of(document: Path) -> list[Block]:
    text = document.read_text()
    return [
        Block(
            document.name,
            text.count("\n", 0, found.start()) + 1,
            found[2],
            "\n".join(line.removeprefix(found[1]) for line in found[3].splitlines()) + "\n",
        )
        for found in BLOCK.finditer(text)
    ]


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all documents in these languages."""
    return [block for path in DOCUMENTS for block in blocks_of(path) if block.language in languages]


def prose_of(document: Path) -> str:
    """Return a document without its blocks."""
    return BLOCK.sub("", document.read_text())


def spans_of(text: str) -> list[str]:
    """Return what stands between backticks."""
    return SPAN.findall(text)


def units_of(document: Path) -> list[str]:
    """Return the rows of tables, the items of lists and the paragraphs, each as one line."""
    units: list[str] = []
    for paragraph in re.split(r"\n{2,}", prose_of(document)):
        for line in paragraph.splitlines():
            if not units or re.match(r" *(\||- |\d+\. |#)", line) or line == paragraph.splitlines()[0]:
                units.append(line)
            else:
                units[-1] += f" {line.strip()}"
    return units


def rows_of(document: Path, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without the table's own head."""
    section = re.split(rf"^#+ {re.escape(heading)}$", prose_of(document), maxsplit=1, flags=re.MULTILINE)[1]
    table = re.search(r"(^\|.*\n)+", section, re.MULTILINE)
    assert table, f"no table under {heading!r}"
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table[0].splitlines()[2:]]
    return [[cell.strip() for cell in row] for row in rows]


def anchors_of(document: Path) -> set[str]:
    """Return the anchors that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def commands_of(block: Block) -> list[str]:
    """Return the commands of a shell block, those over several lines as one."""
    return [line.strip() for line in block.text.replace("\\\n", " ").splitlines() if line.strip()]


def words_of(command: str) -> list[str]:
    return shlex.split(command)


def is_file(span: str) -> bool:
    return FILE.fullmatch(span) is not None


@cache
def product_text() -> str:
    """Return all text files under version control that are not documents."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    binary = {".png", ".wav", ".md"}
    paths = [ROOT / name for name in listed if Path(name).suffix not in binary]
    return "\n".join(path.read_text() for path in paths if path.is_file())

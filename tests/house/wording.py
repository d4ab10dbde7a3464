"""Find wording that kincap does not use: ``python -m tests.house.wording [FILE OR FOLDER ...]``.

Text is what a reader sees: Markdown, docstrings, comments and messages. Code is parsed, so names in
it are never looked at.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "tests/README.md",
    "docs",
    "recordings/README.md",
    "core",
    "web",
    "sessions",
    "checks",
    "report",
    "capture",
    "dataset",
    "train",
    "api",
    "review",
    "cli",
    "benchmarks",
)
"""Files and folders with text for readers."""
SUFFIXES = (".md", ".py", ".js", ".html")
Kind = Literal["title", "prose", "docstring", "comment", "message"]


@dataclass(frozen=True)
class Text:
    """A piece of text.

    Attributes:
        path: Its file.
        line: Where it begins, from 1.
        kind: What it is.
        words: Its words on one line; code in it is replaced by CODE.
    """

    path: Path
    line: int
    kind: Kind
    words: str


@dataclass(frozen=True)
class Pattern:
    """A habit to avoid.

    Attributes:
        name: What it is.
        instead: What to write.
        expression: Finds it.
        kinds: The texts in which it is looked for; empty: in all.
    """

    name: str
    instead: str
    expression: re.Pattern[str]
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Habit:
    """A habit that was found."""

    text: Text
    pattern: Pattern
    found: str

    def __str__(self) -> str:
        """Return it as one line."""
        place = f"{self.text.path.relative_to(ROOT)}:{self.text.line}"
        return f"{place}: {self.pattern.name}: ...{self.found}... ({self.pattern.instead})"


def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE | re.VERBOSE)


PATTERNS = (
    Pattern("say whether", 'write "Return True if"', _compiled(r"\b(?:says?|saying)\ whether\b")),
    Pattern(
        "noun clause as a title",
        "write a noun or an imperative",
        _compiled(r"^(?:what|how|who|whose|which|why|whether|where|when)\b(?!.*\?$)"),
        ("title",),
    ),
    Pattern(
        "noun clause as a summary",
        "write a noun or an imperative",
        # "When no row comes, ..." is a sentence, "Where everything is" is none
        _compiled(
            r"^(?:(?:what|how|who|whose|which|why|whether)\b (?![^.]*\?)"
            r"| (?:where|when)\b (?![^.:;]*[,]))"
        ),
        ("docstring",),
    ),
    Pattern(
        "is no x",
        'write "is not a", "is not valid"',
        _compiled(
            r"(?<!\bthere\ )(?<!there\ has\ )(?<!there\ have\ )(?<!there\ will\ )(?<!there\ can\ )"
            r"(?<!there\ may\ )(?<!there\ must\ )(?<!there\ should\ )"
            r"\b(?:is|are|was|were|be|been|it's)\ no"
            r"\ (?!longer\b|more\b|less\b|fewer\b|later\b|earlier\b|larger\b|smaller\b|longest\b"
            r"|newer\b|older\b|matter\b|one\b|better\b|worse\b|different\b|nearer\b|farther\b|CODE)"
        ),
    ),
    Pattern(
        "stands for is",
        'write "is", "appears"',
        # people stand, things are; a value may stand for another one
        _compiled(
            r"(?<!person\ )(?<!people\ )(?<!subject\ )(?<!body\ )(?<!who\ )(?<!he\ )(?<!she\ )"
            r"(?<!person\ who\ )(?<!you\ )(?<!they\ all\ )(?<!to\ )(?<!user\ )(?<!performer\ )"
            r"(?<!actor\ )(?<!feet\ )(?<!foot\ )(?<!sensor\ )(?<!and\ )(?<!:\ )"
            r"(?!\A stand\ )\b(?:stands?|stood)\ (?!in\ (?:the|its|their)\ way\b)"
            r"(?:there|here|in|at|on|beside|behind|under|alone|between|twice|before|above|below|with"
            r"|as|ahead|outside|first|last|now|after|next|out)\b(?!\ front\ of\ the\ sensor)"
        ),
    ),
    Pattern(
        "lies for is",
        'write "is"; only points may lie inside, outside, between ...',
        _compiled(
            r"\b(?:lies?|lain)\b(?!\ (?:inside|outside|within|between|beyond|across|along|ahead"
            r"|in\ front\ of|left\ of|right\ of|above|below|farther|nearer|down)\b)"
            r"|\blay\ (?:in|on|at|there|beside|behind|before)\b"
        ),
    ),
    Pattern("tells of", 'write "reports"', _compiled(r"\b(?:tells?|told|telling)\ of\b")),
    Pattern(
        "so many as a noun",
        'say of what, or "this many", "that long"',
        # "so many that", "so long as", "so much larger" are usual
        _compiled(
            r"\bso\ (?:many|long|much)\b(?!\ (?:\w+er|more|less|better|worse)\b)"
            r"(?![^.;:]*\b(?:that|as)\b)"
        ),
    ),
    Pattern(
        "somebody, nobody",
        'write "a person", "no one", "another process"',
        _compiled(r"\b(?:some|no)body(?:'s)?\b"),
    ),
    Pattern(
        "leaves with",
        'write "exits with"',
        _compiled(r"\b(?:leaves?|leaving|left)\ with\ (?=\d|CODE|its|the\ exit|an?\ exit|code)"),
    ),
    Pattern(
        "behind for after",
        'write "after"',
        _compiled(
            r"(?<!far\ )\bbehind\ (?:seq|row|rows|it\ in\ the\ file|CODE"
            r"|(?:the|its|their|a)\ (?:last|end|first|newline|rows?|blobs?|bytes?|data|frames?|line"
            r"|header|hash|address|name|number|used|validation|training|shard)\b)"
        ),
    ),
    Pattern(
        "before for in front of",
        'write "in front of"',
        _compiled(
            r"\bbefore\ (?:the|a)\ (?:sensor|camera|trunk|throat|chest|wall|neck)(?=[.,;:)]|$)"
        ),
    ),
    Pattern("what really was", 'write "ground truth"', _compiled(r"\bwhat\ really\ was\b")),
    Pattern("speaks for nothing", 'write "never triggers"', _compiled(r"\bspeaks\ for\ nothing\b")),
    Pattern(
        "unfinished sentence",
        "finish it, or join it to the one before",
        _compiled(
            r"^\.\.\.|(?:[:,;]|\b(?:and|or|of|the|an?|to|for|with|but|that|which|because))\s*$"
        ),
        ("docstring",),
    ),
)


def find(text: Text) -> Iterator[Habit]:
    """Yield the habits in a text."""
    for pattern in PATTERNS:
        if pattern.kinds and text.kind not in pattern.kinds:
            continue
        for match in pattern.expression.finditer(text.words):
            around = text.words[max(match.start() - 20, 0) : match.end() + 20]
            yield Habit(text, pattern, around)


def texts(path: Path) -> Iterator[Text]:
    """Yield the texts of a file."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from _of_markdown(path, source)
    elif path.suffix == ".py":
        yield from _of_python(path, source)
    elif path.suffix == ".html":
        yield from _of_page(path, source)
    else:
        yield from _of_script(path, source)


def files_under(*folders: Path) -> list[Path]:
    """Return the files with texts in folders and below, or the files that are named."""
    found = set()
    for folder in folders:
        inside = [folder] if folder.is_file() else folder.rglob("*")
        found |= {path for path in inside if path.suffix in SUFFIXES}
    return sorted(found)


def habits_under(*folders: Path) -> list[Habit]:
    """Return the habits in all texts of folders or files."""
    return [habit for path in files_under(*folders) for text in texts(path) for habit in find(text)]


def _plain(words: str) -> str:
    """Return words on one line, code in them replaced."""
    words = re.sub(r"``.*?``|`[^`]*`", "CODE", words, flags=re.DOTALL)
    words = re.sub(r"\]\([^)]*\)", "]", words)
    return re.sub(r"\s+", " ", words.replace("**", "").replace("*", "")).strip()


def _of_markdown(path: Path, source: str) -> Iterator[Text]:
    fenced, begin, block = False, 0, list[str]()

    def flush() -> Iterator[Text]:
        if block:
            yield Text(path, begin, "prose", _plain(" ".join(block)))
            block.clear()

    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
            yield from flush()
        elif fenced:
            if "#" in line:
                yield Text(path, number, "comment", _plain(line.split("#", 1)[1]))
        elif line.startswith("#"):
            yield from flush()
            yield Text(path, number, "title", _plain(line.lstrip("# ")))
        elif line.startswith("|"):
            yield from flush()
            for cell in line.strip("|").split("|"):
                yield Text(path, number, "prose", _plain(cell))
        else:
            if not line.strip() or re.match(r"\s*(?:[-*]|\d+\.) ", line):
                yield from flush()
            if line.strip():
                begin = begin if block else number
                block.append(line.strip())
    yield from flush()


def _of_python(path: Path, source: str) -> Iterator[Text]:
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            docstrings.add(id(node.value))
            # paragraphs, so that a line number helps
            line = node.lineno
            for paragraph in node.value.value.split("\n\n"):
                at = line + len(paragraph) - len(paragraph.lstrip("\n"))
                kind: Kind = "docstring" if line == node.lineno else "prose"
                for offset, words in _entries(paragraph):
                    yield Text(path, at + offset, kind, words)
                    kind = "prose"
                line += paragraph.count("\n") + 2
    yield from _messages(path, tree, docstrings)
    yield from _comments(path, source)


def _entries(paragraph: str) -> Iterator[tuple[int, str]]:
    """Yield the entries ("name: text") of a paragraph, each with its first line."""
    begin, entry = 0, list[str]()
    for number, line in enumerate(paragraph.splitlines()):
        if re.match(r"\s*[\w*]+: ", line) and entry:
            yield begin, _plain(" ".join(entry))
            begin, entry = number, []
        entry.append(line)
    if entry and _plain(" ".join(entry)):
        yield begin, _plain(" ".join(entry))


def _messages(path: Path, tree: ast.AST, docstrings: set[int]) -> Iterator[Text]:
    """Yield the strings of the code that have words in them."""
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node and isinstance(part, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            words = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "CODE"
                for part in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside | docstrings
        ):
            words = node.value
        else:
            continue
        if " " in words.strip():
            yield Text(path, node.lineno, "message", _plain(words))


def _comments(path: Path, source: str) -> Iterator[Text]:
    """Yield comments; those of lines that follow one another are one."""
    line, last, block = 0, 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        whole = token.line.strip().startswith("#")
        if block and token.start[0] != last + 1:
            yield Text(path, line, "comment", _plain(" ".join(block)))
            block = []
        line = line if block else token.start[0]
        last = token.start[0] if whole else 0  # a comment after code ends with its line
        block.append(token.string.lstrip("#! "))
    if block:
        yield Text(path, line, "comment", _plain(" ".join(block)))


def _of_script(path: Path, source: str) -> Iterator[Text]:
    """Yield comments and strings of JavaScript."""
    line, last, block = 0, 0, list[str]()
    parts = re.compile(
        r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`)", re.DOTALL
    )
    for match in parts.finditer(source):
        number = source.count("\n", 0, match.start()) + 1
        if match["string"] is not None:
            if " " in match[0].strip():
                yield Text(path, number, "message", re.sub(r"\s+", " ", match[0][1:-1]))
            continue
        if block and number != last + 1:
            yield Text(path, line, "comment", _plain(" ".join(block)))
            block = []
        line = line if block else number
        last = number + match[0].count("\n")
        block.append(re.sub(r"^[/* ]+|[*/ ]+$|\n\s*\*", " ", match[0]))
    if block:
        yield Text(path, line, "comment", _plain(" ".join(block)))


def _of_page(path: Path, source: str) -> Iterator[Text]:
    """Yield the text of an HTML page."""
    for match in re.finditer(r">([^<>]*\w[^<>]*)<|(?:title|aria-label|alt)=\"([^\"]*)\"", source):
        line = source.count("\n", 0, match.start()) + 1
        yield Text(path, line, "message", _plain(match[1] or match[2]))


def main(words: list[str]) -> int:
    """Print what is found in files and folders; by default in all."""
    folders = [Path(word).resolve() for word in words] or [ROOT / place for place in PLACES]
    habits = habits_under(*folders)
    print(*habits, f"{len(habits)} found", sep="\n")
    return 1 if habits else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What the rows and columns of unknown files could be: a mapping proposed from names, values and ids that files share.

samples (the first rows) → profiles (what the values of a column look like; dates) → links (ids that files share) →
evidence (what speaks for a column being one of ours; names) → guesses (what a file's rows are) → lines (rows that tell of more
than one thing) → proposals (all of it as a mapping.toml).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kg_builder.errors import EmptyDump, MissingSource
from kg_builder.inference.evidence import Surroundings
from kg_builder.inference.guesses import distinct, kept, rows_of
from kg_builder.inference.lines import filled, lines, told_of
from kg_builder.inference.links import buyers, links_of, named_by
from kg_builder.inference.names import label, stem, words
from kg_builder.inference.profiles import FileProfile, profile
from kg_builder.inference.proposals import ColumnGuess, FileGuess, Proposal
from kg_builder.reading import Reading, files_of, held_out, kind_of
from kg_builder.reading.columns import REQUIRED

_LABELS: Mapping[str, str] = {"products": "Product", "users": "User", "categories": "Category"}


def infer(source: str | Path) -> Proposal:
    """A mapping for a folder of files or one file of unknown make, and how sure it is of every part.

    Looks at the names of files and columns, at the values of the first 20,000 rows, and at ids that files share. CSV, TSV, JSON
    lines and Parquet, plain or gzipped.

    Raises:
        MissingSource: there is nothing there, or a link leads out of the folder.
        EmptyDump: there is no such file with rows in it.
        DamagedDump: a file breaks off within its first rows or is not what its name says.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (Path(folder) / "kunden.csv").write_text("Kundennr;Stadt\\nk1;Graz\\nk2;Wien\\n")
        ...     proposal = infer(folder)
        >>> [(guess.file, guess.table) for guess in proposal.files]
        [('kunden.csv', 'users')]
    """
    path = Path(source)
    if not path.exists():
        raise MissingSource(f"there is nothing at {path}; expected a folder or a file of CSV, TSV, JSON lines or Parquet")
    files = [file for file in files_of(path) if kind_of(file) is not None]
    tests = held_out(files)
    files = [file for file in files if file not in tests]
    reading = Reading(root=path if path.is_dir() else None)
    found = [profile(reading.check(file), name=file.name) for file in files]
    profiles = {one.file: one for one in found if one.rows}
    if not profiles:
        raise EmptyDump(f"{path} holds no rows of CSV, TSV, JSON lines or Parquet to look at")
    left = [file.name for file in files_of(path) if kind_of(file) is None and file.suffix != ".toml"]
    notes = [f"{name} is no CSV, TSV, JSON lines or Parquet and is left out" for name in left]
    notes += [f"{one.file} has no rows and is left out" for one in found if not one.rows]
    notes += [f"{file.name} is left out: by its name it is held out for tests" for file in tests]
    guesses = _placed(profiles)
    advice = [_advice(guess) for guess in guesses if not guess.placed]
    return Proposal(str(source), tuple(guesses), (*notes, *advice))


def _placed(profiles: Mapping[str, FileProfile]) -> list[FileGuess]:
    """Every file with what it is; files of which others tell are looked at again when those are known."""
    links = {name: links_of(name, profiles) for name in profiles}
    named = {name: named_by(name, links) for name in profiles}
    tables: dict[str, str] = {}
    for _ in range(3):
        around = {name: Surroundings(one, links[name], named[name], tables) for name, one in profiles.items()}
        guesses = {name: rows_of(around[name]) for name in profiles}
        found = {name: guess.table for name, guess in guesses.items() if guess.table in REQUIRED and guess.table}
        found |= buyers(links, found, profiles)
        if found == tables:
            break
        tables = found
    guesses = {name: filled(around[name], guess) for name, guess in guesses.items()}
    guesses |= lines(around, guesses)
    guesses, told = told_of(around, guesses)
    labels = {name: _LABELS[table] for name, table in tables.items() if table in _LABELS}
    taken = {guess.join.file for guess in guesses.values() if guess.join is not None and guess.join.file != guess.file}
    unknown = [name for name, guess in guesses.items() if not guess.placed and name not in taken]
    nodes = {name: label(name, _key(around[name])) for name in unknown if around[name].named_by}
    guesses |= {name: _node(around[name], kind) for name, kind in nodes.items()}
    labels |= nodes
    edges = [edge for name in profiles for edge in _edges(guesses[name], around[name], labels, nodes)]
    spoken = {edge.file for edge in edges} | taken
    return [*(guess for guess in guesses.values() if guess.placed or guess.file not in spoken), *told, *edges]


def _key(around: Surroundings) -> str:
    """The column that other files name most."""
    return max(around.named_by, key=lambda name: len(around.named_by[name]))


def _node(around: Surroundings, label: str) -> FileGuess:
    """The file as nodes of a kind of its own."""
    file = around.file
    key = _key(around)
    columns = [
        ColumnGuess(name, "id", 0.8, f"no value twice, named by {around.named_by[key][0]}", one.examples)
        if name == key
        else kept(one)
        for name, one in file.columns.items()
    ]
    reason = f"things that {around.named_by[key][0]} names"
    return FileGuess(file.file, 0.6, reason, tuple(distinct(columns)), node=label, layout=file.layout)


def _edges(guess: FileGuess, around: Surroundings, labels: Mapping[str, str], nodes: Mapping[str, str]) -> Iterator[FileGuess]:
    """Links of the file's rows to nodes of kinds of their own, as edges."""
    file = around.file
    ends = {name: there[0] for name, there in around.links.items() if there[0].file in labels}
    if not guess.placed:
        pair = sorted(ends.items(), key=lambda end: (labels[end[1].file] != "User", labels[end[1].file] != "Product"))[:2]
        if len(pair) == 2:
            (one, source), (other, target) = pair
            kind = (labels[source.file], _upper(stem(file.file)), labels[target.file])
            yield _edge(file, kind, {one: "source", other: "target"}, "ids of two other files in every row", rest=True)
        return
    own = next(
        (one.column for one in guess.columns if one.ours == ("id" if guess.table in _LABELS or guess.node else "user")), None
    )
    label = guess.node or _LABELS.get(guess.table or "", "User")
    for name, link in ends.items():
        if own is not None and link.file in nodes and name != own and link.file != file.file:
            kind = (label, f"HAS_{_upper(words(nodes[link.file]))}", nodes[link.file])
            why = f"{link.share:.0%} of {name} are {link.key} of {link.file}; call the edge as you like"
            yield _edge(file, kind, {own: "source", name: "target"}, why)


def _edge(
    file: FileProfile, kind: tuple[str, str, str], ends: Mapping[str, str], reason: str, *, rest: bool = False
) -> FileGuess:
    columns = [ColumnGuess(name, end, 0.75, "ids of another file", file.columns[name].examples) for name, end in ends.items()]
    if rest:
        for name, one in file.columns.items():
            if name in ends:
                continue
            timed = one.time is not None and "at" not in {guess.ours for guess in columns}
            guess = kept(one)
            if timed and one.time is not None:
                guess = replace(guess, ours="at", format=one.time.format, reason=one.time.said)
            elif one.single > 0.9 and not one.numeric and one.text is False and "key" not in {guess.ours for guess in columns}:
                guess = replace(guess, ours="key", reason="codes, none twice")
            columns.append(guess)
    return FileGuess(file.file, 0.6, reason, tuple(distinct(columns)), edge=kind, layout=file.layout)


def _upper(parts: Sequence[str]) -> str:
    name = "_".join(word for word in parts if word.isascii() and word.isalnum()).upper()
    return name if re.match(r"[A-Z]", name) else f"LINK_{name}".rstrip("_")


def _advice(guess: FileGuess) -> str:
    ids = [one.column for one in guess.columns][:4]
    some = f"{', '.join(ids)}{' …' if len(guess.columns) > 4 else ''}"
    return (
        f"{guess.file} could not be placed: nothing tells what its rows are. Say it by hand in its block below: the table (or"
        f" node, or edge), and which of {some} is the id (products, users), or the user and the product (reviews, events)"
    )

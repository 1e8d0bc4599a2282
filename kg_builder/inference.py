"""What the rows and columns of unknown files could be: a mapping proposed from names, values and ids that files share."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kg_builder.columns import REQUIRED, columns_of
from kg_builder.errors import EmptyDump, MissingSource
from kg_builder.evidence import Link, Surroundings, of_column, total, words
from kg_builder.mappings import NAME, Split
from kg_builder.profiles import FileProfile, Profile, overlap, profile
from kg_builder.proposals import ColumnGuess, FileGuess, Proposal
from kg_builder.reading import files_of, kind_of
from kg_builder.values import property_name

LEAST = 0.4
"""A column is taken for one of ours from here on."""
_PLACED = 0.35
"""And a file's rows for rows of a table."""
_TABLES: Mapping[str, str] = {
    "products": "product products item items article articles artikel goods catalog catalogue sku skus produkt produkte producto"
    " productos produit produits movie movies book books inventory sortiment articulo articulos meta metadata",
    "users": "user users customer customers kunde kunden client clients cliente clientes member members nutzer usuario usuarios"
    " utilisateur utilisateurs visitor visitors account accounts household households demographics buyers",
    "reviews": "review reviews bewertung bewertungen rezension rezensionen reseña reseñas resenas avis feedback comments opinions",
    "events": "event events order orders click clicks transaction transactions purchase purchases sale sales interaction"
    " interactions verkauf verkäufe verkaeufe bestellung bestellungen pedido pedidos commande commandes venta ventas vente ventes"
    " basket baskets log logs view views cart carts behavior behaviour rating ratings train lineitems invoice invoices kauf käufe",
    "categories": "category categories kategorie kategorien categoria categorias categoría categorías catégories taxonomy tree"
    " warengruppen",
    "triples": "kg triples graph relations knowledge",
}
_KINDS: Mapping[str, str] = {
    "bought": "order orders transaction transactions purchase purchases sale sales verkauf verkäufe verkaeufe bestellung"
    " bestellungen pedido pedidos commande commandes venta ventas vente ventes basket baskets invoice invoices lineitems kauf käufe",
    "viewed": "click clicks view views",
    "carted": "cart carts",
}
_PERSONS = frozenset(
    [
        "email",
        "mail",
        "city",
        "stadt",
        "ort",
        "ciudad",
        "ville",
        "age",
        "alter",
        "edad",
        "gender",
        "sex",
        "geschlecht",
        "genero",
        "birthday",
        "birthdate",
        "birthyear",
        "geburtstag",
        "firstname",
        "lastname",
        "surname",
        "vorname",
        "nachname",
        "nombre",
        "apellido",
        "prenom",
        "country",
        "land",
        "pais",
        "pays",
        "phone",
        "telefon",
        "zip",
        "plz",
        "postcode",
        "zipcode",
        "postal",
        "address",
        "adresse",
        "strasse",
        "straße",
        "newsletter",
        "segment",
        "income",
        "language",
        "sprache",
        "registered",
        "signup",
        "member",
        "since",
        "state",
        "region",
        "occupation",
    ]
)
_TELLING: Mapping[str, Mapping[str, float]] = {
    "products": {"title": 0.4, "description": 0.35, "price": 0.45, "brand": 0.35, "categories": 0.4, "also_bought": 0.4}
    | dict.fromkeys(("also_viewed", "bought_together"), 0.4),
    "users": {},
    "reviews": {"rating": 0.45, "text": 0.6, "title": 0.2, "helpful": 0.2, "verified": 0.2, "at": 0.1},
    "events": {"event": 0.6, "at": 0.45, "key": 0.3, "quantity": 0.3, "price": 0.2, "rating": 0.4, "position": 0.2},
    "categories": {"parent": 0.6, "name": 0.2},
    "triples": {"relation": 0.5, "tail": 0.2},
}
"""What each column that was found says of its rows being of the table."""
_LABELS: Mapping[str, str] = {"products": "Product", "users": "User", "categories": "Category"}


def infer(source: str | Path) -> Proposal:
    """A mapping for a folder of files or one file of unknown make, and how sure it is of every part.

    Looks at the names of files and columns, at the values of the first 20,000 rows, and at ids that files share. CSV, TSV, JSON
    lines and Parquet, plain or gzipped.

    Raises:
        MissingSource: there is nothing there.
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
    files = [file for file in files_of(path) if kind_of(file) is not None and file.name != NAME]
    found = [profile(file, name=file.name) for file in files]
    profiles = {one.file: one for one in found if one.rows}
    if not profiles:
        raise EmptyDump(f"{path} holds no rows of CSV, TSV, JSON lines or Parquet to look at")
    left = [file.name for file in files_of(path) if kind_of(file) is None and file.suffix != ".toml"]
    notes = [f"{name} is no CSV, TSV, JSON lines or Parquet and is left out" for name in left]
    notes += [f"{one.file} has no rows and is left out" for one in found if not one.rows]
    guesses = _placed(profiles)
    advice = [_advice(guess) for guess in guesses if not guess.placed]
    return Proposal(str(source), tuple(guesses), (*notes, *advice))


def _placed(profiles: Mapping[str, FileProfile]) -> list[FileGuess]:
    """Every file with what it is; files of which others tell are looked at again when those are known."""
    links = {name: _links(name, profiles) for name in profiles}
    named_by = {name: _named_by(name, links) for name in profiles}
    tables: dict[str, str] = {}
    for _ in range(3):
        around = {name: Surroundings(one, links[name], named_by[name], tables) for name, one in profiles.items()}
        guesses = {name: _file(around[name]) for name in profiles}
        found = {name: guess.table for name, guess in guesses.items() if guess.table in REQUIRED and guess.table}
        found |= _buyers(links, found, profiles)
        if found == tables:
            break
        tables = found
    labels = {name: _LABELS[table] for name, table in tables.items() if table in _LABELS}
    nodes = {name: _label(name) for name, guess in guesses.items() if not guess.placed and _is_node(around[name])}
    for name, label in nodes.items():
        guesses[name] = _node(around[name], label)
    labels |= nodes
    edges = [edge for name in profiles for edge in _edges(guesses[name], around[name], labels, nodes)]
    placed = [guess for guess in guesses.values() if guess.placed or not any(edge.file == guess.file for edge in edges)]
    return [*placed, *edges]


def _links(name: str, profiles: Mapping[str, FileProfile]) -> dict[str, list[Link]]:
    """By column, the ids of other files that it holds."""
    found: dict[str, list[Link]] = {}
    for column in profiles[name].columns.values():
        if column.listed or not column.filled or column.time is not None or column.priced or column.boolean or column.words > 5:
            continue
        links = [
            Link(file, key.name, share)
            for file, other in profiles.items()
            if file != name
            for key in other.columns.values()
            if key.key and key.time is None and not key.priced and (share := _share(column, key, file)) >= 0.5
        ]
        if links:
            found[column.name] = sorted(links, key=lambda link: -link.share)
    return found


def _share(column: Profile, key: Profile, file: str) -> float:
    """How many of the column's values are ids there; small numbers must also be called so, or there would be many by chance."""
    if column.numeric:
        if not (column.whole and key.whole):
            return 0.0
        called = set(words(column.name)) & ({*words(Path(file).stem), *words(_label(file))} | set(words(key.name)) - {"id", "nr"})
        known = any(len(word) > 2 and (word in plain or plain in word) for word in called for plain in words(column.name))
        if not known and not (len(column.distinct) >= 20 and len(column.distinct) >= 0.3 * len(key.distinct)):
            return 0.0
        return overlap(column.distinct, key.distinct) * (1.0 if known else 0.8)
    return overlap(column.distinct, key.distinct)


def _named_by(name: str, links: Mapping[str, Mapping[str, Sequence[Link]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file, columns in links.items():
        for column, there in columns.items():
            if there[0].file == name:
                found.setdefault(there[0].key, []).append(f"{column} of {file}")
    return found


def _buyers(
    links: Mapping[str, Mapping[str, Sequence[Link]]], tables: Mapping[str, str], profiles: Mapping[str, FileProfile]
) -> dict[str, str]:
    """The file whose ids stand beside those of products: users, where no other is known."""
    if "users" in tables.values() or "products" not in tables.values():
        return {}
    beside: dict[str, int] = {}
    for columns in links.values():
        files = {there[0].file for there in columns.values()}
        if any(tables.get(file) == "products" for file in files):
            for file in files:
                if file not in tables:
                    beside[file] = profiles[file].rows
    return {max(beside, key=lambda file: beside[file]): "users"} if beside else {}


def _file(around: Surroundings) -> FileGuess:
    """What the file's rows most likely are."""
    guesses = [guess for table in REQUIRED if (guess := _as(table, around)) is not None]
    best = max(guesses, key=lambda guess: guess.sure, default=None)
    if best is not None and best.sure >= _PLACED:
        return best
    columns = tuple(_property(column, frozenset()) for column in around.file.columns.values())
    file = around.file
    return FileGuess(file.file, 0.0, "nothing tells what its rows are", columns, separator=file.separator, header=file.header)


def _as(table: str, around: Surroundings) -> FileGuess | None:
    """The file as rows of the table; None where a column is missing that the table needs."""
    file = around.file
    taken = _assigned(table, around)
    if any(name not in taken for name in REQUIRED[table]):
        return None
    needed = min(taken[name].sure for name in REQUIRED[table])
    hint = _hint(file.file, table)
    said = [(weight * taken[name].sure, name) for name, weight in _TELLING[table].items() if name in taken]
    said += [(0.6, f"is called {file.file}")] if hint else []
    if table == "users":
        persons = [name for name in file.columns if set(words(name)) & _PERSONS]
        said += [(0.25, f"{name} is about a person") for name in persons]
        said += [(0.6, "its ids stand beside products")] if around.tables.get(file.file) == "users" else []
    if table in ("reviews", "events"):
        said.append((0.35, "a user and a product in every row"))
        said += [(-0.6, "its products occur once")] if file.columns[taken["product"].column].key and file.rows > 20 else []
    if table == "reviews" and "text" not in taken:
        said.append((-0.5, "no texts"))
    if table == "triples" and not hint and len(file.columns) > 4:
        said.append((-0.7, "more than triples have"))
    sure = round(total(said) * (0.4 + 0.6 * needed), 2)
    reason = ", ".join(word for weight, word in said if weight > 0) or "its columns"
    columns = [_described(table, ours, guess, file) for ours, guess in taken.items()]
    columns += _clock(taken, file, columns)
    named = {guess.column for guess in columns}
    names = frozenset(columns_of(table))
    rest = [_property(column, names) for name, column in file.columns.items() if name not in named]
    kind = {"event": _kind(file.file, taken)} if table == "events" and "event" not in taken else {}
    constants = {name: value for name, value in kind.items() if value}
    order = list(file.columns)
    every = _distinct([*(one for one in columns if one.ours), *rest])
    columns = sorted(every, key=lambda one: order.index(one.column))
    return FileGuess(
        file.file, sure, reason, tuple(columns), table=table, constants=constants, separator=file.separator, header=file.header
    )


def _assigned(table: str, around: Surroundings) -> dict[str, ColumnGuess]:
    """Our columns and what is taken for each, the surest first; each of theirs for one of ours only."""
    judged = []
    for column in around.file.columns.values():
        for ours in columns_of(table):
            evidence = of_column(table, ours, column, around)
            sure = total(evidence)
            if sure >= LEAST:
                reason = ", ".join(word for weight, word in evidence if weight > 0)
                against = ", ".join(word for weight, word in evidence if weight < 0)
                reason = f"{reason}, but {against}" if against else reason
                judged.append(ColumnGuess(column.name, ours, round(sure, 2), reason, column.examples))
    taken: dict[str, ColumnGuess] = {}
    for guess in sorted(judged, key=lambda guess: -guess.sure):
        if guess.ours and guess.ours not in taken and guess.column not in {one.column for one in taken.values()}:
            taken[guess.ours] = guess
    return taken


def _described(table: str, ours: str, guess: ColumnGuess, file: FileProfile) -> ColumnGuess:
    """The guess with what a mapping has to say of the column's values."""
    column = file.columns[guess.column]
    if ours == "at" and column.time is not None:
        return replace(guess, format=column.time.format, values={"0": ""} if column.time.zero else {})
    if ours == "event":
        strange = {value: kind for value, kind in column.events.items() if value.lower() != kind}
        return replace(guess, values=strange)
    if ours == "categories":
        path, listed = (
            column.path or " > ",
            column.separator if column.separator and column.separator.strip() != (column.path or "").strip() else "|",
        )
        return replace(guess, split=None if (path, listed) == (" > ", "|") else Split(path, listed))
    if ours in ("also_bought", "also_viewed", "bought_together") and column.separator not in (None, "|"):
        return replace(guess, split=Split(list=column.separator))
    return guess


def _clock(taken: Mapping[str, ColumnGuess], file: FileProfile, columns: list[ColumnGuess]) -> list[ColumnGuess]:
    """The time of day where it stands in a column beside the date's; `columns` then hold the date as the first part."""
    at = taken.get("at")
    time = file.columns[at.column].time if at is not None else None
    if at is None or time is None or "epoch" in time.said or "%H" in (time.format or "") or "%I" in (time.format or ""):
        return []
    if time.format is None and file.columns[at.column].share(r"\d:\d\d") > 0:
        return []
    clock = next((one for one in file.columns.values() if one.clock and one.name not in {g.column for g in taken.values()}), None)
    if clock is None:
        return []
    place = next(number for number, one in enumerate(columns) if one.ours == "at")
    columns[place] = replace(columns[place], ours="at.1", format=time.format or "%Y-%m-%d")
    return [ColumnGuess(clock.name, "at.2", at.sure, "times of day beside the dates", clock.examples, format=clock.clock)]


def _property(column: Profile, known: frozenset[str]) -> ColumnGuess:
    """A column that is none of ours: kept under its own name where it may say something, else left out."""
    why = (
        "empty"
        if not column.filled
        else "addresses of the web"
        if column.address
        else "addresses or numbers of people"
        if column.personal
        else "the same in every row"
        if len(column.distinct) == 1 and column.rows > 1 and column.filled == column.rows
        else "objects"
        if column.share(r"^\s*\{") > 0.5
        else None
    )
    if why is not None:
        return ColumnGuess(column.name, None, 0.0, f"left out: {why}", column.examples)
    name = property_name(column.name, frozenset({"id", "source", "target", "file", "line", "key", "at", "day", "listed", *known}))
    return ColumnGuess(column.name, name, 0.7, "a property", column.examples, split=None)


def _distinct(columns: Sequence[ColumnGuess]) -> list[ColumnGuess]:
    """The guesses, properties of one name told apart by an underscore."""
    taken: set[str] = set()
    found = []
    for one in columns:
        name = one.ours
        while name is not None and name in taken:
            name += "_"
        taken |= {name} if name else set()
        found.append(replace(one, ours=name))
    return found


def _hint(file: str, table: str) -> bool:
    known = _TABLES[table].split()
    return any(word in known for word in _stem(file))


def _kind(file: str, taken: Mapping[str, ColumnGuess]) -> str | None:
    """The kind that all events of a file without a column for it have: by its name, or since orders have keys and quantities."""
    said = next((kind for kind, known in _KINDS.items() if set(_stem(file)) & set(known.split())), None)
    return said or ("bought" if {"quantity", "price"} <= taken.keys() or {"key", "quantity"} <= taken.keys() else None)


def _stem(file: str) -> list[str]:
    return words(re.sub(r"(\.\w{1,7}){1,2}$", "", file))


def _label(file: str) -> str:
    """A label for the rows of a file: stores.csv gives Store."""
    found = [word for word in _stem(file) if word.isalpha() and word.isascii()] or ["thing"]
    last = found[-1]
    found[-1] = f"{last[:-3]}y" if last.endswith("ies") else last[:-1] if last.endswith("s") and not last.endswith("ss") else last
    return "".join(word.capitalize() for word in found)


def _is_node(around: Surroundings) -> bool:
    """True where the rows have ids and other files name them, or say more than ids."""
    keys = [one for one in around.file.columns.values() if one.key and one.time is None and not one.priced]
    two = [name for name in around.links if around.links[name]]
    return bool(keys) and (bool(around.named_by) or len(two) < 2) and bool(around.named_by)


def _node(around: Surroundings, label: str) -> FileGuess:
    """The file as nodes of a kind of its own."""
    file = around.file
    key = max(around.named_by, key=lambda name: len(around.named_by[name]))
    columns = [
        ColumnGuess(name, "id", 0.8, f"no value twice, named by {around.named_by[key][0]}", one.examples)
        if name == key
        else _property(one, frozenset())
        for name, one in file.columns.items()
    ]
    reason = f"things that {around.named_by[key][0]} names"
    return FileGuess(file.file, 0.6, reason, tuple(_distinct(columns)), node=label, separator=file.separator, header=file.header)


def _edges(guess: FileGuess, around: Surroundings, labels: Mapping[str, str], nodes: Mapping[str, str]) -> Iterator[FileGuess]:
    """Links of the file's rows to nodes of kinds of their own, as edges."""
    file = around.file
    ends = {name: there[0] for name, there in around.links.items() if there[0].file in labels}
    if not guess.placed:
        pair = sorted(ends.items(), key=lambda end: (labels[end[1].file] != "User", labels[end[1].file] != "Product"))[:2]
        if len(pair) == 2:
            (one, source), (other, target) = pair
            kind = (labels[source.file], _upper(_stem(file.file)), labels[target.file])
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
            guess = _property(one, frozenset())
            if timed and one.time is not None:
                guess = replace(guess, ours="at", format=one.time.format, reason=one.time.said)
            elif one.single > 0.9 and not one.numeric and one.text is False and "key" not in {guess.ours for guess in columns}:
                guess = replace(guess, ours="key", reason="codes, none twice")
            columns.append(guess)
    return FileGuess(file.file, 0.6, reason, tuple(_distinct(columns)), edge=kind, separator=file.separator, header=file.header)


def _upper(parts: Sequence[str]) -> str:
    name = "_".join(word for word in parts if word.isascii() and word.isalnum()).upper()
    return name if re.match(r"[A-Z]", name) else f"LINK_{name}".rstrip("_")


def _advice(guess: FileGuess) -> str:
    ids = [one.column for one in guess.columns][:4]
    return (
        f"{guess.file} could not be placed: nothing tells what its rows are. Say it by hand in its block below: table (or node, or edge), and"
        f" which of {', '.join(ids)}{' …' if len(guess.columns) > 4 else ''} is the id (of products and users), or the user and the"
        " product (of reviews and events)"
    )

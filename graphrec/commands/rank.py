"""graphrec rank: lists for users."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphrec import console
from graphrec.console import Json, K, KeepSeen, Model, names_of
from graphrec.errors import BadRequest
from kg_builder.progress import Bars

if TYPE_CHECKING:
    from graphrec.ranker import Ranker

EXAMPLE = (
    "Example: graphrec rank shop.model --users users.txt -k 20 --out lists.tsv, "
    "or graphrec rank shop.model --text 'running shoes for winter', or graphrec rank shop.model --about city=Graz"
)


def run(
    model: Model,
    users: Annotated[
        str | None, typer.Option(metavar="FILE_OR_IDS", help="A file with one id a line, or ids with commas between.")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="WORDS", help="What is looked for, by these users or by anybody.")] = None,
    about: Annotated[
        str | None, typer.Option(metavar="ATTRIBUTES", help="For somebody of whom this is known: city=Graz,age=31; no --users.")
    ] = None,
    k: K = 20,
    candidates: Annotated[Path | None, typer.Option(help="Rank these alone: a file with one product id a line.")] = None,
    exclude: Annotated[Path | None, typer.Option(metavar="PAIRS", help="Leave these out: a TSV of user and item.")] = None,
    keep_seen: KeepSeen = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse users that the model does not know.")] = False,
    rerank: Annotated[
        str | None,
        typer.Option(metavar="KNOBS", help="Weigh the order anew, each from 0 to 1: diversity=0.3,popularity=0.1,producers=0.2."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write `user item rank score` there as TSV; default stdout.")] = None,
    as_json: Json = False,
) -> None:
    """Rank products for users, for what somebody looks for, or for somebody of whom little is known.

    A user nobody knows gets the best answer for a stranger, and is counted.
    """
    from graphrec import lists
    from graphrec.ranker import Ranker

    knobs = _knobs(rerank)
    if users is None and text is None and about is None:
        raise typer.BadParameter("say for whom: --users, --text or --about", param_hint="--users")
    if users is not None and about is not None:
        raise typer.BadParameter("is for somebody of whom no choices are known: leave out --users", param_hint="--about")
    ranker = Ranker.load(model)
    wanted = [] if users is None else lists.ids_or_file(users)
    if users is not None and not wanted:
        raise typer.BadParameter(f"no user ids in {users!r}", param_hint="--users")
    allowed = None if candidates is None else _candidates(ranker, lists.read_ids(candidates), candidates)
    pairs = None if exclude is None else _exclusions(ranker, lists.read_pairs(exclude), exclude)
    with Bars(sys.stderr) as bars:
        ranking = ranker.rank(
            wanted or None,
            text=text,
            about=None if about is None else _pairs(about, "--about"),
            k=k,
            candidates=allowed,
            exclude=pairs,
            exclude_seen=not keep_seen,
            strangers=not strict,
            rerank=knobs,
            progress=bars,
        )
    strangers = sum(not ranker.knows(user) for user in wanted)
    facts = {"users": len(wanted) or 1, "strangers": strangers, "lines": len(ranking), "k": k}
    if out is None:
        console.print_ranking(ranking, as_json=as_json)
    else:
        lists.write_tsv(ranking, out)
        console.show(
            facts | {"out": str(out)}, f"{len(ranking):,} lines for {len(wanted) or 1:,} users in {out}", as_json=as_json
        )
    for line in [] if as_json else ranking.said():
        console.note(line)
    if strangers and text is None and not as_json:
        console.note(f"{strangers:,} of {len(wanted):,} users are unknown to the model and got what suits most people")


def _knobs(text: str | None) -> dict[str, float]:
    """By name, the number of each NAME=NUMBER."""
    found = {}
    for name, number in _pairs(text, "--rerank", "NUMBER").items():
        try:
            found[name] = float(number)
        except ValueError:
            raise typer.BadParameter(f"expected NAME=NUMBER (got {name}={number!r})", param_hint="--rerank") from None
    return found


def _pairs(text: str | None, option: str, value: str = "VALUE") -> dict[str, str]:
    """By name, the value of each NAME=VALUE."""
    pairs = {}
    for one in names_of(text) or ():
        name, equals, said = (part.strip() for part in one.partition("="))
        if not equals:
            raise typer.BadParameter(f"expected NAME={value} (got {one!r})", param_hint=option)
        pairs[name] = said
    return pairs


def _candidates(ranker: "Ranker", ids: Sequence[str], path: Path) -> list[str]:
    known = ranker.known_products(ids)
    if not known:
        raise BadRequest(f"{path}: the model knows none of these {len(ids):,} candidates")
    if len(known) < len(ids):
        console.note(f"{len(ids) - len(known):,} of {len(ids):,} candidates are unknown to the model and left out")
    return known


def _exclusions(ranker: "Ranker", pairs: list[tuple[str, str]], path: Path) -> list[tuple[str, str]]:
    known = set(ranker.known_products({item for _, item in pairs}))
    unknown = sum(item not in known for _, item in pairs)
    if pairs and unknown == len(pairs):
        raise BadRequest(f"{path}: the model knows none of the products of these {len(pairs):,} pairs; columns are user, item")
    if unknown:
        console.note(f"{unknown:,} of {len(pairs):,} excluded pairs name products unknown to the model")
    return pairs

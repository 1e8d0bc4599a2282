"""MovieLens of every size: ml-100k (u.data), ml-1m and ml-10m (ratings.dat), ml-latest and ml-20m and larger (ratings.csv).

Source: Harper and Konstan, "The MovieLens Datasets: History and Context", TiiS 5(4), 2015. The files' layouts are those of
GroupLens' READMEs. Splits that lie beside the ratings (ua.base, u1.test, r1.train) repeat them and are not read.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import DamagedDump, MissingSource, did_you_mean
from kg_builder.reading import Reading, check_fields, columns_of
from kg_builder.reading.columns import plain, timed
from kg_builder.reading.files import first_line
from kg_builder.rejects import Sieve
from kg_builder.values import none_if_empty, number

FORMAT = "movielens"
LOOKS_FOR = (
    "u.data (ml-100k), ratings.dat (ml-1m, ml-10m) or ratings.csv with userId, movieId, rating; movies, users, tags, links"
)
PRECEDENCE = 1

_RATING = ("user", "product", "rating", "timestamp")
_TAG = ("user", "product", "tag", "timestamp")
_MOVIE = ("id", "title", "genres")
_USER = ("id", "age", "gender", "occupation", "zip_code")
_USER_1M = ("id", "gender", "age", "occupation", "zip_code")
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_CSV = {"user": "userId", "product": "movieId", "id": "movieId", "imdb_id": "imdbId", "tmdb_id": "tmdbId"}
"""What ratings.csv and its like call columns, where it is not what we do."""
_NO_GENRE = ("(no genres listed)", "unknown", "")
_TAGS_KEPT = 20
_OCCUPATIONS = (
    *("other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service", "doctor/health care"),
    *("executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer", "retired", "sales/marketing"),
    *("scientist", "self-employed", "technician/engineer", "tradesman/craftsman", "unemployed", "writer"),
)
"""By the codes of ml-1m."""
_AGES = {"1": "Under 18", "18": "18-24", "25": "25-34", "35": "35-44", "45": "45-49", "50": "50-55", "56": "56+"}

_YEAR = r"\s*\(\s*(\d{4})(?:\s*[-–]\s*\d{0,4})?\s*\)(?:\s*\((?:V|TV)\))?\s*$"
"""(1995), (1995) (V) for a video, (2006-2007) and (2008- ) for a series."""
_ARTICLE = "The|A|An|La|Le|Les|Un|Une|Il|Lo|Gli|Una|El|Los|Las|Der|Die|Das"
_TAG_LINE = r"^([^:]*)::([^:]*)::(.*)::([^:]*)$"
"""A tag may itself hold `::`."""


class _Layout(NamedTuple):
    """What the files of one generation of MovieLens are called."""

    ratings: str
    movies: str
    users: str = ""
    tags: str = ""
    links: str = ""


_LAYOUTS = (
    _Layout("u.data", "u.item", "u.user"),
    _Layout("ratings.dat", "movies.dat", "users.dat", "tags.dat"),
    _Layout("ratings.csv", "movies.csv", "", "tags.csv", "links.csv"),
)


def recognises(source: Source) -> bool:
    """True for the ratings of one of the layouts, in a folder or alone."""
    return isinstance(source, str | Path) and _layout(Path(source)) is not None


def read(source: Source, reading: Reading) -> Dump:
    """Ratings as events of the kind `interacted`, movies as products, genres as flat categories.

    A title's year becomes the property `year`, an article at its end goes to its front ("Matrix, The (1999)" is "The Matrix"). A
    movie's tags are at most twenty, the most frequent first, spellings that differ by case counted as one. `age` in ml-1m is the
    lower end of the range that `age_group` spells out. Of a lone file of ratings nothing is read but the file.

    Raises:
        MissingSource: there are no ratings.
        DamagedDump: a file lacks a column.
    """
    folder = Path(str(source))
    layout = _layout(folder) or next((one for one in _LAYOUTS if _of(folder, one.ratings).is_file()), None)
    if layout is None:
        raise MissingSource(f"{folder} has no ratings; {FORMAT} looks for {LOOKS_FOR}")
    if folder.is_file():
        return Dump(folder.name, FORMAT, events=_ratings(folder, reading))
    _tell(folder, reading)
    movies, users = folder / layout.movies, folder / layout.users
    products = _movies(movies, layout, reading) if movies.is_file() else None
    return Dump(
        name=folder.name,
        format=FORMAT,
        products=products,
        users=_users(users, reading) if users.is_file() else None,
        events=_ratings(folder / layout.ratings, reading),
        text_properties={"Product": ("tags",) if products is not None and "tags" in products.collect_schema() else ()},
    )


def _layout(source: Path) -> _Layout | None:
    return next((layout for layout in _LAYOUTS if _is_ratings(_of(source, layout.ratings))), None)


def _of(source: Path, name: str) -> Path:
    """The file of this name: the source itself, or one in it."""
    return source if source.name == name and source.is_file() else source / name


def _is_ratings(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix == ".csv":
        return {"userid", "movieid", "rating"} <= {plain(name) for name in columns_of(path)}
    line = first_line(path)
    return not line.strip() or ("::" if path.suffix == ".dat" else "\t") in line


def _tell(folder: Path, reading: Reading) -> None:
    """Name the files that are left where they are."""
    genome = sorted(path.name for path in folder.glob("genome-*.csv"))
    if genome:
        reading.note(f"not read: {' and '.join(genome)}, which hold what a model made of the tags")
    splits = sorted(path.name for ending in ("base", "test", "train") for path in folder.glob(f"*.{ending}"))
    if splits:
        reading.note(f"not read: {', '.join(splits)}, which are splits of the ratings in one file")


def _table(path: Path, names: tuple[str, ...], reading: Reading) -> pl.LazyFrame:
    """The file's columns under our names: by place where it has no header, by its header in a CSV."""
    if path.suffix != ".csv":
        separator = {".dat": "::", ".data": "\t"}.get(path.suffix, "|")
        check_fields(path, names, separator)
        return reading.delimited(path, separator=separator, names=names, quote=False)
    table = reading.delimited(path, separator=",")
    header = {plain(name): name for name in table.collect_schema() if name not in ("file", "line")}
    if not header:
        return pl.LazyFrame(schema={**dict.fromkeys(names, pl.String()), "file": pl.String(), "line": pl.Int64()})
    wanted = []
    for name in names:
        theirs = _CSV.get(name, name)
        if plain(theirs) not in header and name != "timestamp":
            hint = did_you_mean(theirs, header.values())
            raise DamagedDump(f"{path} needs the column {theirs!r}{hint} (its header is: {', '.join(header.values())})")
        said = pl.col(header[plain(theirs)]) if plain(theirs) in header else pl.lit(None, pl.String)
        wanted.append(said.alias(name))
    return table.select(*wanted, "file", "line")


def _ratings(path: Path, reading: Reading) -> pl.LazyFrame:
    table = _table(path, _RATING, reading)
    outside = ~number(pl.col("rating")).is_between(0.5, 5)
    Sieve(reading.rejects).refuse(table.filter(outside), "rating must lie in 0.5..5", "rating")
    table = table.filter(~outside.fill_null(value=False))
    return timed(table.with_columns(pl.lit("interacted").alias("event")), "timestamp")


def _movies(path: Path, layout: _Layout, reading: Reading) -> pl.LazyFrame:
    if path.name == "u.item":
        table = _flagged(path, reading)
    else:
        table = _table(path, _MOVIE, reading)
        genres = pl.col("genres").str.split("|").list.eval(pl.element().str.strip_chars())
        table = table.with_columns(genres.alias("genres"))
    names = pl.col("genres").list.eval(pl.element().filter(~pl.element().is_in(_NO_GENRE)))
    table = table.with_columns(
        _title(pl.col("title")).alias("title"),
        pl.col("title").str.extract(_YEAR).cast(pl.Int64).alias("year"),
        names.list.eval(pl.element().str.split("|")).alias("categories"),
    ).drop("genres")
    tags, links = path.parent / layout.tags, path.parent / layout.links
    if tags.is_file():
        table = table.join(_tags(tags, reading), on="id", how="left")
    if links.is_file():
        known = _table(links, ("id", "imdb_id", "tmdb_id"), reading).drop("file", "line")
        table = table.join(known.group_by("id").agg(pl.all().min()), on="id", how="left")
    return table


def _flagged(path: Path, reading: Reading) -> pl.LazyFrame:
    """u.item: a flag for each genre of u.genre; without that file, for each of the nineteen."""
    genres = _genres(path.parent / "u.genre", reading)
    flags = [f"__{place}" for place in range(len(genres))]
    names = ("id", "title", "release_date", "video_release_date", "imdb_url", *flags)
    check_fields(path, names, "|")
    table = reading.delimited(path, separator="|", names=names, quote=False)
    said = [pl.when(pl.col(flag).str.strip_chars() == "1").then(pl.lit(genre)) for flag, genre in zip(flags, genres, strict=True)]
    return table.with_columns(pl.concat_list(said).list.drop_nulls().alias("genres")).drop("video_release_date", *flags)


def _genres(path: Path, reading: Reading) -> Sequence[str]:
    if not path.is_file():
        return _GENRES
    rows = reading.delimited(path, separator="|", names=("name", "number"), quote=False).drop_nulls("number").collect()
    return rows.sort(pl.col("number").cast(pl.Int64, strict=False))["name"].to_list() or _GENRES


def _title(said: pl.Expr) -> pl.Expr:
    """The title without its year, its article and those of the titles in brackets in front.

    Example:
        >>> said = pl.DataFrame({"title": ["Lost City, The (Cité perdue, La) (1995)", "Eclisse, L' (1962)"]})
        >>> said.select(_title(pl.col("title")))["title"].to_list()
        ['The Lost City (La Cité perdue)', "L'Eclisse"]
    """
    bare = none_if_empty(said.str.replace(_YEAR, ""))
    for article, gap in ((_ARTICLE, " "), ("L'", "")):
        bare = bare.str.replace(rf"^([^()]+), ({article})( \(|$)", f"${{2}}{gap}${{1}}${{3}}")
        bare = bare.str.replace_all(rf"\(([^()]+), ({article})\)", f"(${{2}}{gap}${{1}})")
    return pl.coalesce(bare, said)


def _tags(path: Path, reading: Reading) -> pl.LazyFrame:
    """By movie its `tags`: as many as are kept, the most frequent first, then by alphabet; each in its most frequent spelling."""
    table = _tagged(path, reading) if path.suffix == ".dat" else _table(path, _TAG, reading)
    table = table.with_columns(none_if_empty(pl.col("tag")).alias("tag"))
    said = pl.col("tag").is_not_null() & pl.col("product").is_not_null()
    Sieve(reading.rejects).spare(table.filter(~said), "a tag without a word or a movie says nothing", "tag")
    spelt = table.filter(said).group_by("product", "tag").agg(pl.len().alias("times"))
    folded = spelt.with_columns(pl.col("tag").str.to_lowercase().alias("word")).sort("times", "tag", descending=[True, False])
    counted = folded.group_by("product", "word", maintain_order=True).agg(pl.col("times").sum(), pl.col("tag").first())
    ranked = counted.sort("times", "word", descending=[True, False])
    kept = ranked.group_by("product", maintain_order=True).agg(pl.col("tag").head(_TAGS_KEPT).alias("tags"))
    return kept.rename({"product": "id"}).collect(engine="streaming").lazy()


def _tagged(path: Path, reading: Reading) -> pl.LazyFrame:
    """tags.dat, line by line."""
    lines = reading.delimited(path, separator="\x1e", names=("said",), quote=False)
    fits = pl.col("said").str.contains(_TAG_LINE)
    for line, said in lines.filter(~fits).select("line", "said").collect(engine="streaming").iter_rows():
        reading.rejects.add(path.name, line, "the row must be user::movie::tag::time", said, said)
    parts = [pl.col("said").str.extract(_TAG_LINE, place).alias(name) for place, name in enumerate(_TAG, 1)]
    return lines.filter(fits).select(*parts, "file", "line")


def _users(path: Path, reading: Reading) -> pl.LazyFrame:
    if path.suffix != ".dat":
        table = _table(path, _USER, reading)
        return table.with_columns(pl.col("age").cast(pl.Int64, strict=False))
    said = pl.col("age").str.strip_chars()
    jobs = {str(code): name for code, name in enumerate(_OCCUPATIONS)}
    return _table(path, _USER_1M, reading).with_columns(
        said.cast(pl.Int64, strict=False).alias("age"),
        said.replace_strict(_AGES, default=None, return_dtype=pl.String).alias("age_group"),
        pl.col("occupation").str.strip_chars().replace(jobs).alias("occupation"),
    )

"""MovieLens: three generations of layouts, the titles, tags and codes as GroupLens writes them."""

import gzip
import random

import polars as pl
import pytest

from kg_builder.dumps import read_dump, readers
from kg_builder.dumps.movielens import _title
from kg_builder.errors import DamagedDump, EmptyDump, MissingSource
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000
RATINGS_1M = "1::1193::5::978300760\n1::661::3::978302109\n2::1193::4::978298413\n"
MOVIES_1M = "1193::One Flew Over the Cuckoo's Nest (1975)::Drama\n661::James and the Giant Peach (1996)::Animation|Children's\n"
RATINGS = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,11,0.5,964981247\n2,1,3.5,964982224\n"
MOVIES = (
    "movieId,title,genres\n"
    "1,Toy Story (1995),Adventure|Animation|IMAX\n"
    '11,"American President, The (1995)",Comedy\n'
    '40697,"""Great Performances"" Cats (1998)",(no genres listed)\n'
)


def folder(path, **files):
    for name, content in files.items():
        (path / name.replace("_", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def build(path, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    tables = tabulate(read_dump(path, reading=Reading(rejects)), rejects=rejects, now=NOW)
    tables.check()
    return tables


def ratings(tables):
    return sorted(tables.edges["User", "INTERACTED", "Product"].select("source", "target", "rating", "at").collect().rows())


def products(tables, *columns):
    return sorted(tables.nodes["Product"].select("id", *columns).collect().rows())


def genres(tables):
    return sorted(tables.edges["Product", "IN_CATEGORY", "Category"].collect().rows())


def flags(*places):
    return "|".join("1" if place in places else "0" for place in range(19))


def test_ml_100k(tmp_path):
    movies = (
        f"1|Toy Story (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?Toy%20Story%20(1995)|{flags(3, 4, 5)}\n"
        f"267|unknown||||{flags(0)}\n"
    )
    users = "1|24|M|technician|85711\n2|53|F|other|T8H1N\n"
    tables = build(folder(tmp_path, u_data="1\t1\t5\t874965758\n2\t267\t3\t876893171\n", u_item=movies, u_user=users))
    assert ratings(tables) == [("1", "1", 5.0, 874965758), ("2", "267", 3.0, 876893171)]
    assert products(tables, "title", "year", "release_date") == [
        ("1", "Toy Story", 1995, "01-Jan-1995"),
        ("267", "unknown", None, None),
    ]
    assert genres(tables) == [("1", "Animation"), ("1", "Children's"), ("1", "Comedy")]
    people = tables.nodes["User"].select("id", "age", "gender", "occupation", "zip_code").collect()
    assert sorted(people.rows()) == [("1", 24, "M", "technician", "85711"), ("2", 53, "F", "other", "T8H1N")]


def test_the_genres_of_u_genre_name_the_flags(tmp_path):
    files = {"u_data": "1\t1\t5\t874965758\n", "u_item": "1|Heat (1995)||||0|1\n", "u_genre": "unknown|0\nFilm noir|1\n\n"}
    assert genres(build(folder(tmp_path, **files))) == [("1", "Film noir")]


def test_ml_1m_spells_out_ages_and_occupations(tmp_path):
    users = "1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::55117\n"
    tables = build(folder(tmp_path, ratings_dat=RATINGS_1M, movies_dat=MOVIES_1M, users_dat=users))
    assert ratings(tables)[0] == ("1", "1193", 5.0, 978300760)
    assert genres(tables) == [("1193", "Drama"), ("661", "Animation"), ("661", "Children's")]
    people = tables.nodes["User"].select("id", "age", "age_group", "gender", "occupation", "zip_code").collect()
    assert sorted(people.rows()) == [
        ("1", 1, "Under 18", "F", "K-12 student", "48067"),
        ("2", 56, "56+", "M", "self-employed", "70072"),
        ("3", 25, "25-34", "M", "scientist", "55117"),
    ]


def test_ml_10m_has_half_stars_and_tags_that_may_hold_the_separator(tmp_path):
    tags = "15::661::a::b::1215184630\n20::661::peach::1188263867\n15::661::peach::1188263868\nbroken\n"
    rejects = Rejects()
    tables = build(folder(tmp_path, ratings_dat="1::661::3.5::838985046\n", movies_dat=MOVIES_1M, tags_dat=tags), rejects)
    assert ratings(tables) == [("1", "661", 3.5, 838985046)]
    assert dict(products(tables, "tags"))["661"] == ["peach", "a::b"]
    assert [row["message"] for row in rejects.rows()] == ["tags.dat line 4: the row must be user::movie::tag::time (got broken)"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_names_with_accents_are_read_in_either_encoding(encoding, tmp_path):
    movies = "73::Misérables, Les (1995)::Drama\n".encode(encoding)
    tables = build(folder(tmp_path, ratings_dat="1::73::5::978300760\n", movies_dat=movies))
    assert products(tables, "title", "year") == [("73", "Les Misérables", 1995)]


def test_quotes_of_dat_files_are_part_of_the_title(tmp_path):
    movies = '1::"Unclosed (1995)::Drama\n2::Next, The (1996)::Drama\n'
    tables = build(folder(tmp_path, ratings_dat="1::1::5::978300760\n", movies_dat=movies))
    assert products(tables, "title") == [("1", '"Unclosed'), ("2", "The Next")]


def test_the_layout_with_headers(tmp_path):
    links = "movieId,imdbId,tmdbId\n1,0114709,862\n11,0112346,\n"
    tables = build(folder(tmp_path, ratings_csv=RATINGS, movies_csv=MOVIES, links_csv=links))
    assert ratings(tables)[1] == ("1", "11", 0.5, 964981247)
    assert products(tables, "title", "year", "imdb_id", "tmdb_id") == [
        ("1", "Toy Story", 1995, "0114709", "862"),
        ("11", "The American President", 1995, "0112346", None),
        ("40697", '"Great Performances" Cats', 1998, None, None),
    ]
    assert genres(tables) == [("1", "Adventure"), ("1", "Animation"), ("1", "IMAX"), ("11", "Comedy")]


def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    dos = {
        name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
        for name, text in (("ratings_csv", RATINGS), ("movies_csv", MOVIES))
    }
    plain = build(folder(tmp_path / "a", ratings_csv=RATINGS, movies_csv=MOVIES))
    assert build(folder(tmp_path / "b", **dos)) == plain


def test_tags_are_the_most_frequent_first_whatever_their_case_and_a_text_model_reads_them(tmp_path):
    said = ["pixar"] * 2 + ["Pixar"] * 3 + ["fun"] * 4 + ["toys", '"say ""hi"""', ""]
    tags = "userId,movieId,tag,timestamp\n" + "".join(f"{user},1,{tag},1139045764\n" for user, tag in enumerate(said))
    rejects = Rejects()
    tables = build(folder(tmp_path, ratings_csv=RATINGS, movies_csv=MOVIES, tags_csv=tags), rejects)
    assert dict(products(tables, "tags"))["1"] == ["Pixar", "fun", 'say "hi"', "toys"]
    assert "tags" in tables.schema.node("Product").text
    assert rejects.counts() == {"a tag without a word or a movie says nothing": 1}
    assert rejects.faults == 0


def test_a_movie_keeps_twenty_tags(tmp_path):
    tags = "userId,movieId,tag,timestamp\n" + "".join(f"1,1,tag {number:02},1139045764\n" for number in range(30))
    tables = build(folder(tmp_path, ratings_csv=RATINGS, movies_csv=MOVIES, tags_csv=tags))
    assert dict(products(tables, "tags"))["1"] == [f"tag {number:02}" for number in range(20)]


def test_shuffled_lines_of_every_file_give_equal_tables(tmp_path):
    tags = "userId,movieId,tag,timestamp\n" + "".join(f"{n},{(1, 11)[n % 2]},{'xyXY'[n % 4]},1139045764\n" for n in range(40))
    files = {"ratings_csv": RATINGS, "movies_csv": MOVIES, "tags_csv": tags, "links_csv": "movieId,imdbId,tmdbId\n1,2,3\n1,1,4\n"}
    (tmp_path / "first").mkdir()
    first = build(folder(tmp_path / "first", **files))
    for seed in range(3):
        mixed = {}
        for name, text in files.items():
            header, *lines = text.splitlines(keepends=True)
            random.Random(seed).shuffle(lines)
            mixed[name] = header + "".join(lines)
        (tmp_path / str(seed)).mkdir()
        assert build(folder(tmp_path / str(seed), **mixed)) == first


@pytest.mark.parametrize(
    ("said", "title", "year"),
    [
        ("Matrix, The (1999)", "The Matrix", 1999),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children (La Cité des enfants perdus)",
            1995,
        ),
        ("Eclisse, L' (Eclipse, The) (1962)", "L'Eclisse (The Eclipse)", 1962),
        ("Fish Called Wanda, A (1988)", "A Fish Called Wanda", 1988),
        ("Good, the Bad and the Ugly, The (1966)", "The Good, the Bad and the Ugly", 1966),
        ("Land Before Time III, The (1995) (V)", "The Land Before Time III", 1995),
        ("Death Note (2006–2007)", "Death Note", 2006),
        ("Black Mirror (2011- )", "Black Mirror", 2011),
        ("1984", "1984", None),
        ("2001: A Space Odyssey (1968) ", "2001: A Space Odyssey", 1968),
        ("(1999)", "(1999)", 1999),
        ("Me, Myself & I (1992)", "Me, Myself & I", 1992),
        (None, None, None),
    ],
)
def test_a_title_loses_its_year_and_starts_with_its_article(said, title, year, tmp_path):
    assert pl.select(_title(pl.lit(said, pl.String))).item() == title
    if said is not None:
        tables = build(folder(tmp_path, ratings_dat="1::1::5::978300760\n", movies_dat=f"1::{said}::Drama\n"))
        if year is None:  # which no other movie has: the graph knows of no years
            assert "year" not in tables.nodes["Product"].collect_schema()
            assert products(tables, "title") == [("1", title)]
        else:
            assert products(tables, "title", "year") == [("1", title, year)]


def test_splits_and_the_genome_are_left_where_they_are_and_named(tmp_path):
    rejects = Rejects()
    genome = "movieId,tagId,relevance\n1,1,0.5\n"
    folder(tmp_path, ratings_csv=RATINGS, movies_csv=MOVIES)
    (tmp_path / "genome-scores.csv").write_text(genome)
    (tmp_path / "u1.test").write_text("9\t9\t9\t874965758\n")
    tables = build(tmp_path, rejects)
    assert rejects.notes == [
        "not read: genome-scores.csv, which hold what a model made of the tags",
        "not read: u1.test, which are splits of the ratings in one file",
    ]
    assert len(ratings(tables)) == 3


def test_a_dirty_rating_is_refused_and_the_rest_stays(tmp_path):
    rejects = Rejects()
    tables = build(folder(tmp_path, ratings_dat="1::661::much::978300760\n::661::3::978300760\n2::661::3::978300760\n"), rejects)
    assert [row["message"] for row in rejects.rows()] == [
        "ratings.dat line 1: rating must be a number (got much)",
        "ratings.dat line 2: user id is missing",
    ]
    assert len(ratings(tables)) == 1


def test_ratings_alone_are_enough(tmp_path):
    assert build(folder(tmp_path, u_data="1\t1\t5\t874965758\n")).counts()[0] == {"User": 1, "Product": 1}


@pytest.mark.parametrize(
    ("name", "rating"),
    [
        ("u.data", "1\t1\t5\t874965758\n"),
        ("ratings.dat", "1::1::5::978300760\n"),
        ("ratings.csv", "userId,movieId,rating,timestamp\n1,1,5,978300760\n"),
    ],
)
def test_a_lone_file_of_ratings_is_read_alone(name, rating, tmp_path):
    (tmp_path / name).write_text(rating)
    (tmp_path / "u.user").write_text("7|20|M|writer|1\n")
    assert read_dump(tmp_path / name).format == "movielens"
    assert build(tmp_path / name).counts()[0] == {"User": 1, "Product": 1}


def test_a_gzip_that_breaks_off_is_damaged(tmp_path):
    packed = gzip.compress("".join(f"{n}\t{n * 7919}\t5\t874965758\n" for n in range(5000)).encode())
    with pytest.raises(DamagedDump, match=r"u\.data: the gzip file breaks off"):
        read_dump(folder(tmp_path, u_data=packed[: len(packed) // 2]), format="movielens")


def test_a_header_without_its_column_is_asked_about(tmp_path):
    with pytest.raises(DamagedDump, match=r"ratings\.csv needs the column 'movieId'; did you mean 'movieIdd'"):
        read_dump(folder(tmp_path, ratings_csv="userId,movieIdd,rating\n1,1,5\n"), format="movielens")
    with pytest.raises(DamagedDump, match=r"movies\.csv needs the column 'genres'"):
        read_dump(folder(tmp_path, ratings_csv=RATINGS, movies_csv="movieId,title\n1,Heat\n"))


def test_files_without_ratings_are_an_empty_dump(tmp_path):
    with pytest.raises(EmptyDump):
        build(folder(tmp_path, ratings_csv="userId,movieId,rating,timestamp\n"))


def test_a_folder_without_ratings_is_no_movielens(tmp_path):
    with pytest.raises(MissingSource, match=r"has no ratings; movielens looks for u\.data"):
        read_dump(tmp_path, format="movielens")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ratings_csv", "user,item,stars\n1,1,5\n"),
        ("ratings_dat", "1,1,5,978300760\n"),
        ("u_data", "a;b;c\n"),
        ("u_item", "1|x\n"),
    ],
)
def test_other_files_of_these_names_are_no_movielens(name, text, tmp_path):
    assert not readers()["movielens"].recognises(folder(tmp_path, **{name: text}))


@pytest.mark.parametrize(
    ("name", "text", "got"),
    [
        ("u_data", "1\t5\t874965758\n2\t5\t874965758\n", r"u\.data line 1: expected 4 fields, .* between '\\t' \(got 3\)"),
        (
            "ratings_dat",
            "1::5::978300760\n2::5::978300760\n",
            r"ratings\.dat line 1: expected 4 fields, .* between '::' \(got 3\)",
        ),
    ],
)
def test_ratings_that_lack_a_column_are_refused(name, text, got, tmp_path):
    with pytest.raises(DamagedDump, match=got):
        read_dump(folder(tmp_path, **{name: text}))


def test_movies_that_lack_a_column_are_refused(tmp_path):
    with pytest.raises(DamagedDump, match=r"u\.item line 1: expected 24 fields, id, title, .* \(got 3\)"):
        read_dump(folder(tmp_path, u_data="1\t1\t5\t874965758\n", u_item="1|Heat|0\n2|Toys|1\n"))


@pytest.mark.parametrize("rating", ["0", "-1", "5.5", "9"])
def test_a_rating_out_of_range_is_refused(rating, tmp_path):
    rejects = Rejects()
    tables = build(folder(tmp_path, ratings_dat=f"1::1::5::978300760\n1::2::{rating}::978300760\n"), rejects)
    assert len(ratings(tables)) == 1
    assert [row["message"] for row in rejects.rows()] == [f"ratings.dat line 2: rating must lie in 0.5..5 (got {rating})"]
    assert rejects.faults == 1


def test_a_rating_that_is_there_more_than_once_is_told_of_and_counts_once(tmp_path):
    rows = [
        "1,296,5.0,1147880044",
        "1,296,5.0,1147880044",
        "1,296,1.0,1147880044",
        "1,296,4.0,1147880045",
        "2,296,5.0,1147880044",
    ]
    (tmp_path / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    rejects = Rejects()
    tables = tabulate(read_dump(tmp_path, reading=Reading(rejects)), rejects=rejects, now=NOW)
    edges = tables.edges["User", "INTERACTED", "Product"].select("source", "at", "rating").sort("source", "at").collect()
    assert edges.rows() == [("1", 1147880044, 1.0), ("1", 1147880045, 4.0), ("2", 1147880044, 5.0)]
    assert rejects.counts() == {"the rating is there more than once, with other values": 2}
    assert rejects.faults == 0

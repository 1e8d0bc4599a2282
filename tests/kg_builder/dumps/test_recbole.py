"""RecBole's atomic files: typed columns, splits, and a knowledge graph whose entities are linked to items."""

import gzip
import random

import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import DamagedDump, EmptyDump, MissingSource
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000
INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
TWO = f"{INTER}u1\ti1\t4.0\t978300760.0\nu2\ti2\t3.5\t978302109.0\n"
KG = "head_id:token\trelation_id:token\ttail_id:token\n"
LINK = "item_id:token\tentity_id:token\n"


def folder(path, **files):
    path = path / "shop"
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        (path / f"shop.{name.replace('_', '.')}").write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def build(path, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    tables = tabulate(read_dump(path, reading=Reading(rejects)), rejects=rejects, now=NOW)
    tables.check()
    return tables


def rows(tables, kind, *columns):
    return sorted(tables.edges[kind].select("source", "target", *columns).collect().rows()) if kind in tables.edges else []


def interactions(tables, *columns):
    return rows(tables, ("User", "INTERACTED", "Product"), *columns)


def item(tables, **where):
    (found,) = tables.nodes["Product"].collect().filter(**where).to_dicts()
    return found


def related(tables):
    ends = ("Product", "Entity")
    return {(one, *row, other) for one in ends for other in ends for row in rows(tables, (one, "RELATED", other), "relation")}


def test_interactions_with_ratings_and_times(tmp_path):
    tables = build(folder(tmp_path, inter=TWO))
    assert interactions(tables, "rating", "at") == [("u1", "i1", 4.0, 978300760), ("u2", "i2", 3.5, 978302109)]


def test_small_timestamps_are_positions(tmp_path):
    tables = build(folder(tmp_path, inter=f"{INTER}u1\ti1\t1\t0.0\nu1\ti2\t1\t1.0\n"))
    assert interactions(tables, "position", "at") == [("u1", "i1", 0, None), ("u1", "i2", 1, None)]


@pytest.mark.parametrize("column", ["event:token", "behavior:token", "behavior_type:token"])
def test_a_column_of_events_says_their_kind(column, tmp_path):
    head = f"user_id:token\titem_id:token\t{column}\n"
    tables = build(folder(tmp_path, inter=f"{head}u1\ti1\tbuy\nu1\ti2\tpv\nu1\ti3\tcart\nu1\ti4\t\nu1\ti5\tABOUT\n"))
    kinds = {kind: len(rows(tables, ("User", kind, "Product"))) for kind in ("BOUGHT", "VIEWED", "CARTED", "INTERACTED")}
    assert kinds == {"BOUGHT": 1, "VIEWED": 1, "CARTED": 1, "INTERACTED": 1}
    assert tables.edges["Review", "ABOUT", "Product"].select("target").collect().rows() == [("i5",)]


def test_further_columns_of_interactions_are_properties_of_their_type(tmp_path):
    head = "user_id:token\titem_id:token\tinteraction:float\tdevice:token\tsteps:float_seq\tpaid:float\tevent:token\n"
    tables = build(folder(tmp_path, inter=f"{head}u1\ti1\t2.0\tphone\t1.0 2.5\t9.5\tbought\n"))
    assert rows(tables, ("User", "BOUGHT", "Product"), "interaction", "device", "steps", "price") == [
        ("u1", "i1", 2.0, "phone", ["1.0", "2.5"], 9.5)
    ]


def test_a_history_beside_an_item_is_not_read(tmp_path):
    rejects = Rejects()
    head = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    tables = build(folder(tmp_path, inter=f"{head}u1\ti1 i2\ti3\n"), rejects)
    assert interactions(tables) == [("u1", "i3")]
    assert rejects.notes == ["shop.inter: item_id_list:token_seq not read: a history is made of the rows before it"]


def test_items_have_titles_categories_and_typed_properties(tmp_path):
    typed = "item_id:token movie_title:token_seq release_year:token class:token_seq price:float rating:float studio:token"
    head = "\t".join([*typed.split(), "plot:token_seq\n"])
    rejects = Rejects()
    full = 'i1\tThe "Toy" Story\t1995\tAnimation Children\'s\t$9.5\t4.5\tPixar\tToys live\n'
    items = f"{head}{full}i2\tnan\t\tDrama\tnan\tnan\tNone\t\n"
    tables = build(folder(tmp_path, inter=TWO, item=items), rejects)
    found = item(tables, id="i1")
    assert {name: found[name] for name in ("title", "release_year", "price", "rating", "studio", "plot")} == {
        "title": 'The "Toy" Story',
        "release_year": "1995",
        "price": 9.5,
        "rating": 4.5,
        "studio": "Pixar",
        "plot": "Toys live",
    }
    assert {value for name, value in item(tables, id="i2").items() if name not in ("id", "listed")} == {None}
    assert rows(tables, ("Product", "IN_CATEGORY", "Category")) == [("i1", "Animation"), ("i1", "Children's"), ("i2", "Drama")]
    assert tables.schema.node("Product").text == ("title", "description", "studio", "plot")
    assert len(rejects) == 0


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (("Active Life", "Food, Coffee & Tea"), ["Active Life", "Coffee & Tea", "Food"]),
        (("'Beauty', \"Tools & Accessories\"", "['Beauty']"), ["Beauty", "Tools & Accessories"]),
        (("A|B C", "B C"), ["A", "B C"]),
        (("Sci-Fi  Drama", "Drama"), ["Drama", "Sci-Fi"]),
        (("Arts,%20Crafts%20>%20Paper", "100%25"), ["100%", "Arts, Crafts", "Arts, Crafts > Paper"]),
    ],
)
def test_categories_are_separated_as_most_of_the_file_has_them(cells, names, tmp_path):
    head = "item_id:token\tcategories:token_seq\n"
    tables = build(folder(tmp_path, inter=TWO, item=f"{head}i1\t{cells[0]}\ni2\t{cells[1]}\n"))
    assert sorted(tables.nodes["Category"].collect()["id"]) == names


def test_users_have_properties(tmp_path):
    users = "user_id:token\tage:float\tgender:token\tzip_code:token\nu1\t24\tM\t05501\nu9\tnan\tF\t\n"
    people = build(folder(tmp_path, inter=TWO, user=users)).nodes["User"].select("id", "age", "gender", "zip_code").collect()
    assert sorted(people.rows()) == [("u1", 24.0, "M", "05501"), ("u2", None, None, None), ("u9", None, "F", None)]


def test_an_item_may_be_called_by_another_id_and_that_is_told(tmp_path):
    rejects = Rejects()
    inter = "user_id:token\tvenue_id:token\tclicks:float\nu1\tv1\t2\n"
    tables = build(folder(tmp_path, inter=inter, item="venue_id:token\tname:token_seq\nv1\tCafé Nord\n"), rejects)
    assert item(tables, id="v1")["title"] == "Café Nord"
    assert rejects.notes == [
        f"shop.{ending}: venue_id:token is taken for the item, as no column is called item_id" for ending in ("inter", "item")
    ]


def test_a_column_that_is_missing_is_asked_about(tmp_path):
    with pytest.raises(DamagedDump, match=r"shop\.inter needs the column 'user_id:token'; did you mean 'usr_id:token'"):
        read_dump(folder(tmp_path, inter="usr_id:token\titem_id:token\nu1\ti1\n"))
    with pytest.raises(DamagedDump, match=r"shop\.kg needs the column 'relation_id:token'"):
        read_dump(folder(tmp_path, inter=TWO, kg="head_id:token\ttail_id:token\nm.1\tm.2\n"))


def test_the_test_of_a_split_is_never_read(tmp_path):
    """Its file is no sound gzip, so whoever reads it fails."""
    rejects = Rejects()
    path = folder(tmp_path, train_inter=TWO, valid_inter=f"{INTER}u3\ti3\t1\t978302110\n", test_inter_gz=b"no gzip at all")
    assert [user for user, _ in interactions(build(path, rejects))] == ["u1", "u2", "u3"]
    assert rejects.notes == ["shop.test.inter.gz was not opened: it belongs to whoever scores the rankings"]
    with pytest.raises(DamagedDump):
        read_dump((path / "shop.test.inter.gz").rename(path / "shop.inter.gz"))


def test_beside_its_splits_the_whole_is_not_read(tmp_path):
    rejects = Rejects()
    canary = f"{INTER}canary\tcanary\t1\t978302110\n"
    tables = build(folder(tmp_path, train_inter=TWO, test_inter=canary, inter=TWO + canary.removeprefix(INTER)), rejects)
    assert tables.counts()[0] == {"User": 2, "Product": 2}
    assert rejects.notes[1] == "shop.inter is not read: its splits are, and it holds the test's interactions too"


def test_a_test_alone_is_no_source(tmp_path):
    with pytest.raises(MissingSource, match=r"but shop\.test\.inter, which is never opened"):
        read_dump(folder(tmp_path, test_inter=TWO))


def test_a_data_set_called_test_is_read(tmp_path):
    (tmp_path / "test.inter").write_text(TWO)
    assert len(interactions(build(tmp_path))) == 2


def test_of_several_data_sets_the_one_called_like_the_folder_is_read(tmp_path):
    path = folder(tmp_path, inter=TWO)
    (path / "other.inter").write_text(f"{INTER}u9\ti9\t1\t978302110\n")
    assert len(interactions(build(path))) == 2
    with pytest.raises(DamagedDump, match=r"holds several data sets \(other, shop\)"):
        read_dump(path.rename(tmp_path / "elsewhere"))


def test_a_linked_entity_is_the_item(tmp_path):
    rejects = Rejects()
    kg = f"{KG}m.1\tfilm.director\tm.7\nm.7\tfilm.directed\tm.2\nm.1\tsequel\tm.2\nm.7\tknows\tm.8\n"
    link = f"{LINK}i1\tm.1\ni2\tm.2\ni404\tm.8\n"
    tables = build(folder(tmp_path, inter=TWO, kg=kg, link=link, item="item_id:token\ni1\ni2\ni3\n"), rejects)
    assert related(tables) == {
        ("Product", "i1", "m.7", "film.director", "Entity"),
        ("Entity", "m.7", "i2", "film.directed", "Product"),
        ("Product", "i1", "i2", "sequel", "Product"),
        ("Entity", "m.7", "m.8", "knows", "Entity"),
    }
    assert rejects.notes == [
        "shop.link: 2 of 3 items are linked to an entity",
        "shop.link: 1 link names an item that nothing else tells of; the entities stay entities",
    ]


def test_several_items_of_an_entity_and_several_entities_of_an_item(tmp_path):
    kg = f"{KG}m.1\tr\tm.9\nm.2\tr\tm.8\nm.3\tr\tm.1\n"
    link = f"{LINK}i1\tm.1\ni2\tm.1\ni1\tm.2\ni1\tm.1\n"
    assert related(build(folder(tmp_path, inter=TWO, kg=kg, link=link))) == {
        ("Product", "i1", "m.9", "r", "Entity"),
        ("Product", "i2", "m.9", "r", "Entity"),
        ("Product", "i1", "m.8", "r", "Entity"),
        ("Entity", "m.3", "i1", "r", "Product"),
        ("Entity", "m.3", "i2", "r", "Product"),
    }


def test_an_entity_that_only_happens_to_be_called_like_an_item_is_no_item(tmp_path):
    inter = "user_id:token\titem_id:token\nu1\t1\nu1\t2\n"
    tables = build(folder(tmp_path, inter=inter, kg=f"{KG}2\tr\t1\n", link=f"{LINK}1\t2\n"))
    assert related(tables) == {("Product", "1", "entity:1", "r", "Entity")}


def test_relations_between_products_are_those_of_the_graph_in_either_case(tmp_path):
    kg = f"{KG}Product/i1\tALSO_BOUGHT\tProduct/i2\n"
    tables = build(folder(tmp_path, inter=TWO, kg=kg, link=f"{LINK}i1\tProduct/i1\ni2\tProduct/i2\n"))
    assert rows(tables, ("Product", "ALSO_BOUGHT", "Product")) == [("i1", "i2")]


def test_without_links_an_items_id_is_the_item(tmp_path):
    rejects = Rejects()
    assert related(build(folder(tmp_path, inter=TWO, kg=f"{KG}i1\tr\tm.1\nm.1\tr\ti2\n"), rejects)) == {
        ("Product", "i1", "m.1", "r", "Entity"),
        ("Entity", "m.1", "i2", "r", "Product"),
    }
    assert rejects.notes == ["shop.kg: 2 of 2 items are in the knowledge graph"]


def test_links_without_a_graph_and_friends_are_named_as_not_read(tmp_path):
    rejects = Rejects()
    build(folder(tmp_path, inter=TWO, link=f"{LINK}i1\tm.1\n", net="source_id:token\ttarget_id:token\nu1\tu2\n"), rejects)
    assert [note.partition(" is not read")[0] for note in rejects.notes] == ["shop.net", "shop.link"]


def test_dirty_rows_are_refused_and_the_rest_stays(tmp_path):
    rejects = Rejects()
    inter = f"{TWO}u3\ti1\tmuch\t978300760\n\ti1\t1\t978300760\nu4\ti1\t1\t978300760\textra\n"
    tables = build(folder(tmp_path, inter=inter, kg=f"{KG}m.1\tr\n", link=f"{LINK}i1\n"), rejects)
    assert sorted(row["message"] for row in rejects.rows()) == [
        "shop.inter line 4: rating must be a number (got much)",
        "shop.inter line 5: user id is missing",
        "shop.inter line 6: the row must have 4 fields; put texts that hold the separator in quotes"
        " (got u4 · i1 · 1 · 978300760 and more)",
        "shop.kg line 2: tail is missing",
        "shop.link line 2: a link must name an item and an entity (got i1)",
    ]
    assert rejects.faults == 5
    assert len(interactions(tables)) == 2


def test_a_quote_is_part_of_its_value(tmp_path):
    items = 'item_id:token\ttitle:token_seq\ni1\t"Unclosed\ni2\t12" "ruler"\n'
    tables = build(folder(tmp_path, inter=TWO, item=items))
    assert dict(tables.nodes["Product"].select("id", "title").collect().rows()) == {"i1": '"Unclosed', "i2": '12" "ruler"'}


def test_shuffled_lines_line_ends_and_marks_change_nothing(tmp_path):
    kg = KG + "".join(f"m.{n % 7}\tr{n % 3}\tm.{n % 5}\n" for n in range(40))
    link = LINK + "".join(f"i{n % 4}\tm.{n % 7}\n" for n in range(12))
    inter = INTER + "".join(f"u{n % 6}\ti{n % 4}\t{n % 5}\t{978300760 + n // 9}\n" for n in range(60))
    first = build(folder(tmp_path, inter=inter, kg=kg, link=link))
    for seed in range(3):
        mixed = {}
        for name, text in (("inter", inter), ("kg", kg), ("link", link)):
            header, *lines = text.splitlines()
            random.Random(seed).shuffle(lines)
            mixed[name] = b"\xef\xbb\xbf" + "\r\n".join([header, *lines, ""]).encode()
        assert build(folder(tmp_path, **mixed)) == first


def test_the_order_and_the_types_of_columns_do_not_matter(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    other = "timestamp\trating\titem_id\tuser_id\n978300760\t4\ti1\tu1\n978302109\t3.5\ti2\tu2\n"
    assert build(folder(tmp_path / "a", inter=other)) == build(folder(tmp_path / "b", inter=TWO))


def test_a_gzip_that_breaks_off_is_damaged(tmp_path):
    packed = gzip.compress((INTER + "".join(f"u{n * 7919}\ti{n}\t1\t978300760\n" for n in range(5000))).encode())
    with pytest.raises(DamagedDump, match=r"shop\.inter\.gz: the gzip file breaks off"):
        read_dump(folder(tmp_path, inter_gz=packed[: len(packed) // 2]))
    assert len(interactions(build(folder(tmp_path, inter_gz=packed)))) == 5000


def test_a_single_file_is_read_alone(tmp_path):
    path = folder(tmp_path, inter=TWO, item="item_id:token\ni7\n")
    assert build(path / "shop.inter").counts()[0] == {"User": 2, "Product": 2}


def test_headers_without_rows_are_an_empty_dump(tmp_path):
    with pytest.raises(EmptyDump):
        build(folder(tmp_path, inter=INTER, item="item_id:token\n", kg=KG, link=LINK))


def test_a_folder_without_an_atomic_file_is_no_data_set(tmp_path):
    with pytest.raises(
        MissingSource, match="has no atomic file of interactions, items, users or triples; recbole looks for NAME"
    ):
        read_dump(folder(tmp_path), format="recbole")


@pytest.mark.parametrize("alone", [False, True])
def test_items_or_triples_without_interactions_are_a_graph(alone, tmp_path):
    item, kg = "item_id:token\ttitle:token_seq\ni1\tCup\n", f"{KG}m.1\tnear\tm.2\n"
    for number, (files, nodes) in enumerate([({"item": item}, {"Product": 1}), ({"kg": kg}, {"Entity": 2})]):
        (tmp_path / str(number)).mkdir()
        path = folder(tmp_path / str(number), **files)
        counts = build(path / f"shop.{next(iter(files))}" if alone else path).counts()[0]
        assert {label: count for label, count in counts.items() if count} == nodes


def test_items_beside_triples_are_what_the_triples_speak_of(tmp_path):
    path = folder(tmp_path, item="item_id:token\ni1\n", kg=f"{KG}m.1\tnear\tm.2\n", link=f"{LINK}i1\tm.1\n")
    assert related(build(path)) == {("Product", "i1", "m.2", "near", "Entity")}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("user", "user_id:token\nu1\nu2\n", r"holds 2 users but no product and nothing that anybody chose"),
        ("link", f"{LINK}i1\tm.1\n", r"shop\.link .* says which item is which entity, .* needs the triples \(NAME\.kg\)"),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_a_lone_file_that_is_no_graph_says_what_is_missing(name, text, message, alone, tmp_path):
    path = folder(tmp_path, **{name: text})
    with pytest.raises(EmptyDump if name == "user" else MissingSource, match=message):
        build(path / f"shop.{name}" if alone else path)


def test_a_torn_triple_is_refused_once(tmp_path):
    rejects = Rejects()
    build(folder(tmp_path, inter=TWO, kg=f"{KG}\tnear\tm.1\nm.1\tnear\tm.3\n", link=f"{LINK}i1\tm.1\ni2\tm.1\n"), rejects)
    assert [row["message"] for row in rejects.rows()] == ["shop.kg line 2: head is missing"]

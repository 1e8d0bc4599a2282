import pytest

from graphrec import BadRequest, lists


@pytest.fixture
def written(tmp_path):
    def write(text, name="file.txt"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_ids_are_the_first_column_each_once_in_order(written):
    assert lists.read_ids(written("b\n a \n\nb\tmore\nc\n")) == ["b", "a", "c"]


@pytest.mark.parametrize("head", ["user", "item", "product", "id", "User\titem"])
def test_a_header_is_skipped_and_only_on_the_first_line(written, head):
    assert lists.read_ids(written(f"{head}\nx\nuser\n")) == ["x", "user"]


def test_windows_files_read_alike(written):
    assert lists.read_ids(written("\ufeffuser\r\nu1\r\nu2\r\n")) == ["u1", "u2"]


def test_pairs_ignore_a_header_and_further_columns(written):
    assert lists.read_pairs(written("user\titem\ttimestamp\nu1\tp1\t3\nu2\tp 2\t4\n")) == [("u1", "p1"), ("u2", "p 2")]


def test_a_test_keeps_the_times_that_its_header_names(written, tmp_path):
    path = written("user\titem\trating\ttimestamp\nu1\tp1\t5\t1600000000\nu2\tp2\t3\n", "test.tsv")
    for place in (path, tmp_path):
        frame = lists.read_test(place)
        assert frame.to_dict("list") == {"user": ["u1", "u2"], "item": ["p1", "p2"], "timestamp": ["1600000000", ""]}
    assert list(lists.read_test(written("u1\tp1\t1600000000\n")).columns) == ["user", "item"]
    assert list(lists.read_test(written("user\titem\nu1\tp1\n")).columns) == ["user", "item"]


def test_a_folder_without_a_test_is_refused(tmp_path):
    with pytest.raises(BadRequest, match=r"no such file: .*test\.tsv"):
        lists.read_test(tmp_path)


def test_a_pair_without_an_item_is_refused(written):
    with pytest.raises(BadRequest, match="expected user<TAB>item"):
        lists.read_pairs(written("u1,p1\n"))


def test_text_is_a_file_where_there_is_one_else_ids(written):
    assert lists.ids_or_file(str(written("u1\nu2\n"))) == ["u1", "u2"]
    assert lists.ids_or_file("u1, u2,,u1") == ["u1", "u2"]


def test_a_missing_file_of_users_is_not_taken_for_a_user():
    with pytest.raises(BadRequest, match=r"no such file: users\.txt"):
        lists.ids_or_file("users.txt")


def test_a_file_that_is_no_text_is_refused(written):
    with pytest.raises(BadRequest, match="no UTF-8 text"):
        lists.read_ids(written(b"\xff\xfe\x00u"))

"""Public dumps by name, fetched from a server of the tests' own that drops, stumbles, lies and dawdles on demand."""

import hashlib
import io
import json
import resource
import stat
import threading
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kg_builder.dumps import readers
from kg_builder.errors import AlreadyThere, BadRequest, DamagedDump, SourceUnreachable
from kg_builder.fetching import KnownSource, Patience, fetch, fetched, known_sources, sources_of
from kg_builder.fetching.archives import unpack
from kg_builder.fetching.connection import Redirects
from kg_builder.fetching.download import download
from kg_builder.fetching.sources import Download, checked_base

BYTES = bytes(range(256)) * 40


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Mood:
    """How the server takes one request."""

    status: int | None = None
    headers: dict = field(default_factory=dict)
    drop_after: int | None = None
    ignore_range: bool = False
    ignore_if_range: bool = False
    say_length: bool = True
    wait: float = 0.0


@dataclass
class Server:
    """A file server: `files` by path, `moods` for the next requests (good ones after that), `seen` requests."""

    address: str
    files: dict = field(default_factory=dict)
    moods: list = field(default_factory=list)
    etag: str | None = '"one"'
    seen: list = field(default_factory=list)
    sent: int = 0

    def mood(self):
        return self.moods.pop(0) if self.moods else Mood()

    def answer(self, request):
        mood = self.mood()
        self.seen.append((request.path, dict(request.headers)))
        content = self.files.get(urlsplit(request.path).path)
        status = mood.status or (200 if content is not None else 404)
        if status != 200:
            request.send_response(status)
            for name, value in {"Content-Length": "0", **mood.headers}.items():
                request.send_header(name, value)
            request.end_headers()
            return
        first = 0 if mood.ignore_range else self.first(request, content, mood)
        if first == len(content) and request.headers.get("Range"):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        self.send(request, content, first, mood)

    def first(self, request, content, mood):
        """Where the answer begins: 0 for a request without Range, or for another version."""
        asked = request.headers.get("Range")
        other = request.headers.get("If-Range", self.etag) != self.etag and not mood.ignore_if_range
        if asked is None or other:
            return 0
        return min(int(asked.removeprefix("bytes=").rstrip("-")), len(content))

    def send(self, request, content, first, mood):
        rest = content[first:]
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        if mood.say_length:
            request.send_header("Content-Length", str(len(rest)))
        request.end_headers()
        rest = rest[: mood.drop_after]
        self.sent += len(rest)
        request.wfile.write(rest)
        request.wfile.flush()
        time.sleep(mood.wait)


@contextmanager
def serving():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)
            self.close_connection = True

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Server(f"http://127.0.0.1:{http.server_address[1]}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def server():
    with serving() as one:
        one.files["/file"] = BYTES
        yield one


class Naps(list):
    """Patience that notes how long it would have slept."""

    def patience(self, **changes):
        return Patience(**{"tries": 3, "timeout": 5.0, "sleep": self.append, **changes})


@pytest.fixture
def naps():
    return Naps()


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# The table


def test_every_address_of_the_table_is_https_and_every_name_is_that_of_one_source():
    for name, source in known_sources().items():
        assert source.name == name
        for address in (source.base, source.page, *(f"{source.base}/{file.path}" for file in source.files)):
            parts = urlsplit(address)
            assert parts.scheme == "https", address
            assert parts.hostname, address
            assert "{" not in address, address
            assert not parts.query, address
            assert " " not in address, address
        assert checked_base(source.base) == source.base


def test_every_source_of_the_table_says_what_it_is_and_what_may_be_done_with_it():
    for source in known_sources().values():
        assert source.what, source.name
        assert source.licence, source.name
        assert source.format in readers(), source.name


def test_no_two_files_of_a_source_get_the_same_name_and_no_two_sources_the_same_folder():
    for source in known_sources().values():
        assert len({file.name for file in source.files}) == len(source.files) > 0
    folders = [name.casefold() for name in known_sources()]
    assert len(set(folders)) == len(folders)


def test_checksums_of_the_table_are_md5_or_sha256_of_the_right_length():
    checksums = [file.checksum for source in known_sources().values() for file in source.files if file.checksum]
    assert len(checksums) >= 5
    for checksum in checksums:
        kind, _, digits = checksum.partition(":")
        assert len(digits) == {"md5": 32, "sha256": 64}[kind]
        int(digits, 16)


def test_a_family_has_a_source_a_category():
    names = {source.name for source in sources_of("amazon-2014")}
    assert "amazon-2014/Beauty" in names
    files = known_sources()["amazon-2014/Beauty"].files
    assert [file.path for file in files] == ["reviews_Beauty_5.json.gz", "meta_Beauty.json.gz"]


@pytest.mark.parametrize(
    "name, words",
    [
        ("ml-100", "did you mean 'ml-100k'"),
        ("amazon-2023", "34 categories"),
        ("amazon-2023/all_beauty", "did you mean 'amazon-2023/All_Beauty'"),
        ("amazon-2023/../../etc", "--list"),
        ("xyz", "--list"),
        ("", "--list"),
    ],
)
def test_an_unknown_name_is_refused_with_what_to_do(tmp_path, name, words):
    with pytest.raises(BadRequest, match=words):
        fetch(name, into=tmp_path / "dumps")
    assert not (tmp_path / "dumps").exists()


# One file


def test_a_file_arrives_whole_and_nothing_else_is_left(server, tmp_path):
    download(f"{server.address}/file", tmp_path / "file", checksum=sha256(BYTES))
    assert (tmp_path / "file").read_bytes() == BYTES
    assert left_in(tmp_path) == ["file"]


def test_a_dropped_connection_is_continued_where_it_broke_off(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000), Mood(drop_after=1000)]
    download(f"{server.address}/file", tmp_path / "file", patience=naps.patience())
    assert (tmp_path / "file").read_bytes() == BYTES
    assert server.sent == len(BYTES)
    assert [headers.get("Range") for _, headers in server.seen] == [None, "bytes=4000-", "bytes=5000-"]


def test_a_later_fetch_continues_what_an_earlier_one_left(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000)]
    with pytest.raises(SourceUnreachable, match="4,000 bytes are kept"):
        download(f"{server.address}/file", tmp_path / "file", patience=naps.patience(tries=1))
    assert not (tmp_path / "file").exists()
    download(f"{server.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BYTES
    assert server.sent == len(BYTES)


@settings(max_examples=20, deadline=None)
@given(drops=st.lists(st.integers(1, 3000), max_size=6))
def test_wherever_the_connection_drops_the_file_is_the_same(drops, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dropping")
    with serving() as server:
        server.files["/file"] = BYTES
        server.moods = [Mood(drop_after=drop) for drop in drops]
        download(f"{server.address}/file", folder / "file", patience=Naps().patience(tries=2))
        assert server.sent == len(BYTES)
    assert (folder / "file").read_bytes() == BYTES


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000)]
    with pytest.raises(SourceUnreachable):
        download(f"{server.address}/file", tmp_path / "file", patience=naps.patience(tries=1))
    server.files["/file"], server.etag = BYTES[::-1], '"two"'
    download(f"{server.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BYTES[::-1]


def test_versions_are_not_mixed_where_the_server_does_not_know_if_range(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000)]
    with pytest.raises(SourceUnreachable):
        download(f"{server.address}/file", tmp_path / "file", patience=naps.patience(tries=1))
    server.files["/file"], server.etag = BYTES[::-1], '"two"'
    server.moods = [Mood(ignore_if_range=True)]
    download(f"{server.address}/file", tmp_path / "file", patience=naps.patience())
    assert (tmp_path / "file").read_bytes() == BYTES[::-1]


def test_a_full_disk_is_named_and_what_came_in_is_kept(server, tmp_path):
    server.files["/file"] = bytes(2 * 10**6)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, before[1]))  # as a disk that fills up meanwhile
    try:
        with pytest.raises(OSError, match=r"1,000,000 bytes are kept for the next time\): .*file\.part"):
            download(f"{server.address}/file", tmp_path / "file")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    download(f"{server.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == server.files["/file"]
    assert server.seen[-1][1]["Range"] == "bytes=1000000-"


def test_a_server_that_ignores_range_restarts_cleanly(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000), Mood(ignore_range=True)]
    download(f"{server.address}/file", tmp_path / "file", patience=naps.patience())
    assert (tmp_path / "file").read_bytes() == BYTES


def test_a_server_that_ignores_range_and_drops_at_the_same_byte_is_given_up(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000, ignore_range=True) for _ in range(20)]
    with pytest.raises(SourceUnreachable, match="broke off, 3 times in a row"):
        download(f"{server.address}/file", tmp_path / "file", patience=naps.patience())


def test_bytes_of_a_version_that_no_server_named_are_continued_only_under_a_checksum(server, tmp_path, naps):
    server.etag = None
    for checksum, asked in ((None, None), (sha256(BYTES), "bytes=4000-")):
        server.moods, server.seen = [Mood(drop_after=4000)], []
        download(f"{server.address}/file", tmp_path / "file", checksum=checksum, patience=naps.patience())
        assert (tmp_path / "file").read_bytes() == BYTES
        assert server.seen[-1][1].get("Range") == asked


def test_a_part_that_is_whole_already_is_not_fetched_again(server, tmp_path):
    (tmp_path / "file.part").write_bytes(BYTES)
    download(f"{server.address}/file", tmp_path / "file", checksum=sha256(BYTES))  # answered by 416
    assert (tmp_path / "file").read_bytes() == BYTES
    assert server.sent == 0


def test_a_part_that_is_longer_than_the_file_is_fetched_from_the_beginning(server, tmp_path, naps):
    (tmp_path / "file.part").write_bytes(BYTES + b"more")
    server.moods = [Mood(status=416, headers={"Content-Range": f"bytes */{len(BYTES)}"})]
    download(f"{server.address}/file", tmp_path / "file", checksum=sha256(BYTES), patience=naps.patience())
    assert (tmp_path / "file").read_bytes() == BYTES


def test_notes_beside_a_part_that_cannot_be_read_start_it_afresh(server, tmp_path):
    for notes in ("", "[]", "{}", "\x00"):
        (tmp_path / "file.part").write_bytes(b"other bytes")
        (tmp_path / "file.part.from").write_text(notes)
        download(f"{server.address}/file", tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == BYTES


def test_a_server_that_is_busy_is_asked_again_when_it_says(server, tmp_path, naps):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    server.moods = [Mood(status=503, headers={"Retry-After": "7"}), Mood(status=429, headers={"Retry-After": later})]
    download(f"{server.address}/file", tmp_path / "file", patience=naps.patience())
    assert (tmp_path / "file").read_bytes() == BYTES
    assert naps[0] == 7
    assert 60 < naps[1] <= 100


def test_a_server_that_asks_for_more_patience_than_there_is_is_given_up(server, tmp_path, naps):
    server.moods = [Mood(status=503, headers={"Retry-After": "86400"})]
    with pytest.raises(SourceUnreachable, match="asks to wait 86,400 seconds"):
        download(f"{server.address}/file", tmp_path / "file", patience=naps.patience())
    assert naps == []


def test_pauses_double_until_the_server_is_given_up(server, tmp_path, naps):
    server.moods = [Mood(status=500, headers={"Retry-After": "soon"}) for _ in range(9)]
    with pytest.raises(SourceUnreachable, match=r"answers 500 .* 5 times in a row"):
        download(f"{server.address}/file", tmp_path / "file", patience=naps.patience(tries=5))
    assert naps == [1, 2, 4, 8]
    assert left_in(tmp_path) == []


def test_a_file_that_is_not_there_is_asked_for_once(server, tmp_path, naps):
    with pytest.raises(SourceUnreachable, match="answers 404 Not Found"):
        download(f"{server.address}/nothing", tmp_path / "file", patience=naps.patience())
    assert len(server.seen) == 1
    assert left_in(tmp_path) == []


def test_a_port_where_nobody_listens_is_one_clear_error(tmp_path, naps):
    with serving() as server:
        address = server.address
    with pytest.raises(SourceUnreachable, match="/file: Connection refused; --from names another address"):
        download(f"{address}/file", tmp_path / "file", patience=naps.patience())
    assert naps == []


def test_a_server_that_dawdles_is_left_and_asked_again(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000, wait=1.0)]
    download(f"{server.address}/file", tmp_path / "file", patience=naps.patience(timeout=0.2))
    assert (tmp_path / "file").read_bytes() == BYTES
    assert server.sent == len(BYTES)


def test_wrong_bytes_are_one_error_with_both_checksums_and_nothing_is_left(server, tmp_path):
    with pytest.raises(DamagedDump) as error:
        download(f"{server.address}/file", tmp_path / "file", checksum=sha256(b"other"))
    assert sha256(b"other") in str(error.value)
    assert sha256(BYTES) in str(error.value)
    assert left_in(tmp_path) == []


def test_an_md5_counts_as_well(server, tmp_path):
    md5 = f"md5:{hashlib.md5(BYTES).hexdigest()}"  # noqa: S324
    download(f"{server.address}/file", tmp_path / "file", checksum=md5)
    with pytest.raises(DamagedDump, match="expected md5:0000"):
        download(f"{server.address}/file", tmp_path / "other", checksum=f"md5:{'0' * 32}")


def test_a_page_in_place_of_a_gzip_file_is_refused(server, tmp_path):
    server.files["/a.json.gz"] = b"<!DOCTYPE html><title>Log in</title>"
    with pytest.raises(DamagedDump, match=r"expected a .gz file .got one that begins with b'<!DOCTYPE"):
        download(f"{server.address}/a.json.gz", tmp_path / "a.json.gz")
    assert left_in(tmp_path) == []


def test_a_server_that_does_not_say_how_long_the_file_is_is_believed(server, tmp_path):
    server.moods = [Mood(say_length=False)]
    told = []
    download(f"{server.address}/file", tmp_path / "file", progress=lambda *news: told.append(news))
    assert (tmp_path / "file").read_bytes() == BYTES
    assert told[-1] == ("file", len(BYTES), len(BYTES))


def test_an_empty_file_arrives(server, tmp_path):
    server.files["/file"] = b""
    download(f"{server.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b""


def test_progress_goes_on_from_where_the_part_ends(server, tmp_path, naps):
    server.moods = [Mood(drop_after=4000)]
    told = []
    download(f"{server.address}/file", tmp_path / "file", progress=lambda *news: told.append(news), patience=naps.patience())
    done = [bytes_done for _, bytes_done, _ in told]
    assert done == sorted(done)
    assert {(what, total) for what, _, total in told} == {("file", len(BYTES))}
    assert done[-1] == len(BYTES)


@pytest.mark.parametrize("elsewhere", ["file:///etc/passwd", "ftp://127.0.0.1/file"])
def test_a_redirect_away_from_http_is_not_followed(server, tmp_path, naps, elsewhere):
    server.moods = [Mood(status=302, headers={"Location": elsewhere})]
    with pytest.raises(SourceUnreachable):
        download(f"{server.address}/file", tmp_path / "file", patience=naps.patience())
    assert naps == []
    assert left_in(tmp_path) == []


def test_a_redirect_to_another_http_address_is_followed(server, tmp_path):
    server.moods = [Mood(status=302, headers={"Location": "/file"})]
    download(f"{server.address}/old", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BYTES


def test_a_redirect_from_https_to_http_is_not_followed():
    asked = urllib.request.Request("https://files.example/file")
    with pytest.raises(SourceUnreachable, match="less safe"):
        Redirects().redirect_request(asked, io.BytesIO(), 302, "Found", {}, "http://files.example/file")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/file", "data:,x"])
def test_only_http_is_spoken(tmp_path, naps, url):
    with pytest.raises(SourceUnreachable):
        download(url, tmp_path / "file", patience=naps.patience())
    assert left_in(tmp_path) == []


def test_a_proxy_named_by_the_environment_is_used(server, tmp_path, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.address)
    server.files["/far/file"] = BYTES
    download("http://nowhere.invalid/far/file", tmp_path / "file")
    assert server.seen[0][0] == "http://nowhere.invalid/far/file"


# A source


def zipped(files, **changes):
    """A zip archive with these files; changes to every entry's ZipInfo."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in changes.items():
                setattr(entry, attribute, value)
            archive.writestr(entry, content)
    return stream.getvalue()


FILMS = {"ml-latest-small/ratings.csv": b"userId,movieId\n1,2\n", "ml-latest-small/sub/README.txt": b"read me"}


def source(server, *files, name="ours"):
    return KnownSource(name, "a dump of ours", "ours", "tables", server.address, server.address, files)


@pytest.fixture
def films(server):
    server.files["/ml-latest-small.zip"] = zipped(FILMS)
    return server


def test_an_archive_is_unpacked_without_the_folder_around_it(films, tmp_path):
    folder = fetch("ml-latest-small", into=tmp_path, mirror=films.address)
    assert folder == tmp_path / "ml-latest-small"
    assert (folder / "ratings.csv").read_bytes() == FILMS["ml-latest-small/ratings.csv"]
    assert (folder / "sub" / "README.txt").read_bytes() == b"read me"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_files_of_a_family_lie_in_one_folder_under_the_mirror_as_under_the_source(server, tmp_path):
    server.files["/m/reviews_Baby_5.json.gz"] = server.files["/m/meta_Baby.json.gz"] = b"\x1f\x8b gzip"
    folder = fetch("amazon-2014/Baby", into=tmp_path, mirror=f"{server.address}/m/")
    assert folder == tmp_path / "amazon-2014" / "Baby"
    assert left_in(folder) == [
        "meta_Baby.json.gz",
        "meta_Baby.json.gz.sha256",
        "reviews_Baby_5.json.gz",
        "reviews_Baby_5.json.gz.sha256",
    ]


def test_what_is_there_and_verified_is_not_fetched_again(films, tmp_path):
    first = fetched("ml-latest-small", into=tmp_path, mirror=films.address)
    films.seen.clear()
    again = fetched("ml-latest-small", into=tmp_path, mirror=films.address)
    assert films.seen == []
    assert [file.fetched for file in first.files + again.files] == [True, False]
    assert first.files[0].checksum == again.files[0].checksum == sha256(films.files["/ml-latest-small.zip"])


def test_a_published_checksum_is_told_from_a_remembered_one(server, tmp_path):
    ours = source(server, Download("file", sha256(BYTES)))
    one = fetched(ours, into=tmp_path).files[0]
    assert (one.published, one.checksum) == (True, sha256(BYTES))
    assert left_in(tmp_path) == ["file"]
    remembered = fetched(source(server, Download("file"), name="theirs"), into=tmp_path).files[0]
    assert (remembered.published, remembered.checksum) == (False, sha256(BYTES))
    assert (tmp_path / "theirs" / "file.sha256").read_text() == f"{sha256(BYTES)[7:]}  file\n"


def test_a_file_that_was_damaged_on_the_disk_is_fetched_again(server, tmp_path):
    for ours in (source(server, Download("file", sha256(BYTES))), source(server, Download("file"), name="theirs")):
        folder = fetch(ours, into=tmp_path)
        (folder / "file").write_bytes(b"damaged")
        assert fetched(ours, into=tmp_path).files[0].fetched
        assert (folder / "file").read_bytes() == BYTES


def test_a_file_that_its_publisher_changed_is_refused_until_the_remembered_checksum_goes(server, tmp_path):
    ours = source(server, Download("file"))
    path = fetch(ours, into=tmp_path) / "file"
    server.files["/file"] = b"another"
    path.unlink()
    with pytest.raises(DamagedDump, match=r"expected sha256:.*got sha256:.*file.sha256 .*remove it"):
        fetch(ours, into=tmp_path)
    assert not path.exists()
    (path.parent / "file.sha256").unlink()
    assert fetch(ours, into=tmp_path)
    assert path.read_bytes() == b"another"


def test_a_remembered_checksum_that_is_none_is_refused(server, tmp_path):
    ours = source(server, Download("file"))
    (fetch(ours, into=tmp_path) / "file.sha256").write_text("rubbish  file\n")
    with pytest.raises(DamagedDump, match="rubbish"):
        fetch(ours, into=tmp_path)


def test_a_file_brought_by_hand_is_taken_as_it_is(server, tmp_path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "file").write_bytes(b"by hand")
    one = fetched(source(server, Download("file")), into=tmp_path).files[0]
    assert (one.fetched, one.checksum) == (False, sha256(b"by hand"))
    assert server.seen == []


def test_two_fetches_at_once_fetch_once_and_both_have_all(films, tmp_path):
    films.moods = [Mood(wait=0.3)]
    outcomes = []

    def run():
        outcomes.append(fetched("ml-latest-small", into=tmp_path, mirror=films.address))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.files[0].fetched for one in outcomes) == [False, False, False, True]
    assert len(films.seen) == 1
    assert left_in(tmp_path) == [".fetched", "README.txt", "ml-latest-small.zip", "ml-latest-small.zip.sha256", "ratings.csv"]


def test_a_folder_that_was_not_fetched_is_left_alone(films, tmp_path):
    (tmp_path / "ml-latest-small").mkdir()
    (tmp_path / "ml-latest-small" / "mine.csv").write_text("mine")
    with pytest.raises(AlreadyThere, match="was not fetched; move it away"):
        fetch("ml-latest-small", into=tmp_path, mirror=films.address)
    assert (tmp_path / "ml-latest-small" / "mine.csv").read_text() == "mine"


def test_a_newer_archive_replaces_what_an_older_one_unpacked(films, tmp_path):
    folder = fetch("ml-latest-small", into=tmp_path, mirror=films.address)
    films.files["/ml-latest-small.zip"] = zipped({"ml-latest-small/movies.csv": b"new"})
    (tmp_path / "ml-latest-small.zip").unlink()
    (tmp_path / "ml-latest-small.zip.sha256").unlink()
    fetch("ml-latest-small", into=tmp_path, mirror=films.address)
    assert left_in(folder) == [".fetched", "movies.csv"]


def test_what_a_killed_fetch_left_is_cleared_away(films, tmp_path):
    for left in (".ml-latest-small.unpacking", ".ml-latest-small.before"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "half.csv").write_text("half")
    (tmp_path / ".ml-latest-small.lock").write_text("")
    folder = fetch("ml-latest-small", into=tmp_path, mirror=films.address)
    assert left_in(folder) == [".fetched", "README.txt", "ratings.csv"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_wrong_bytes_of_a_known_source_leave_nothing_under_its_name(server, tmp_path):
    server.files["/ml-100k.zip"] = zipped(FILMS)
    with pytest.raises(DamagedDump, match="expected sha256:50d2a982"):
        fetch("ml-100k", into=tmp_path, mirror=server.address)
    assert left_in(tmp_path) == []


def test_max_bytes_bounds_what_an_archive_unpacks_to(films, tmp_path):
    with pytest.raises(DamagedDump, match="more than 10"):
        fetch("ml-latest-small", into=tmp_path, mirror=films.address, max_bytes=10)
    with pytest.raises(BadRequest, match="max_bytes must be at least 1"):
        fetch("ml-latest-small", into=tmp_path, mirror=films.address, max_bytes=0)
    assert fetch("ml-latest-small", into=tmp_path, mirror=films.address, max_bytes=1000)


@pytest.mark.parametrize(
    "mirror", ["ftp://mirror", "file:///etc", "mirror", "http://", "/data", "http://a b/", "http://[1", "http://a:b/"]
)
def test_a_mirror_is_an_http_address(tmp_path, mirror):
    with pytest.raises(BadRequest, match="http:// or https://"):
        fetch("ml-100k", into=tmp_path, mirror=mirror)


@pytest.mark.parametrize("mirror", ["https://me:secret@mirror/", "http://me:secret@[1", "ftp://me:secret@mirror"])
def test_a_password_in_a_mirror_is_refused_and_not_repeated(tmp_path, mirror):
    with pytest.raises(BadRequest) as error:
        fetch("ml-100k", into=tmp_path, mirror=mirror)
    assert "secret" not in str(error.value)


# Archives


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil", "C:evil", "a/..", "\\\\host\\evil"])
def test_an_archive_that_would_write_outside_of_the_folder_is_refused(tmp_path, name):
    (tmp_path / "a.zip").write_bytes(zipped({"good": b"good", name: b"evil"}))
    with pytest.raises(DamagedDump, match="outside of the folder; nothing was unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "in" / "a")
    assert left_in(tmp_path) == ["a.zip"]
    assert not (tmp_path / "in" / "a").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_an_archive_with_a_link_or_a_device_is_refused(tmp_path, kind):
    (tmp_path / "a.zip").write_bytes(zipped({"link": b"/etc/passwd"}, create_system=3, external_attr=(kind | 0o777) << 16))
    with pytest.raises(DamagedDump, match="a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "a")
    assert left_in(tmp_path) == ["a.zip"]


def test_a_zip_bomb_is_refused_before_a_byte_is_unpacked(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({f"{one}": bytes(10**6) for one in range(5)}))
    assert (tmp_path / "a.zip").stat().st_size < 10**4
    with pytest.raises(DamagedDump, match="unpacks to 5,000,000 bytes, more than 4,000,000"):
        unpack(tmp_path / "a.zip", tmp_path / "a", max_bytes=4_000_000)
    unpack(tmp_path / "a.zip", tmp_path / "a", max_bytes=5_000_000)


def test_a_zip_bomb_that_lies_about_its_size_unpacks_to_no_more_than_it_says(tmp_path):
    content = bytearray(zipped({"bomb": bytes(10**6)}))
    size = (10**6).to_bytes(4, "little")
    while size in content:
        at = content.index(size)
        content[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DamagedDump, match="nothing was unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "a", max_bytes=1000)
    assert left_in(tmp_path) == ["a.zip"]


def test_a_disk_that_fills_up_while_unpacking_is_named_and_left_as_it_was(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("films/ratings.csv", bytes(10**6))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, before[1]))
    try:
        with pytest.raises(OSError, match=r"\(nothing was unpacked\): .*out'"):
            unpack(tmp_path / "a.zip", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert left_in(tmp_path) == ["a.zip"]


def test_an_archive_of_very_many_files_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({str(one): b"" for one in range(10_001)}))
    with pytest.raises(DamagedDump, match="10,001 files"):
        unpack(tmp_path / "a.zip", tmp_path / "a")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_that_holds_a_name_twice_is_refused(tmp_path):
    for names in (["x/a", "x/a"], ["a", "a/b", "c"], ["a/b", "a", "c"]):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name in names:
                archive.writestr(name, name)
        (tmp_path / "a.zip").write_bytes(stream.getvalue())
        with pytest.raises(DamagedDump, match=r"twice|folder"):
            unpack(tmp_path / "a.zip", tmp_path / "a")
        assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-30], lambda whole: b"PK" + whole[40:], lambda _: b"", lambda _: b"PK no"]
)
def test_an_archive_that_is_damaged_leaves_nothing(tmp_path, damage):
    (tmp_path / "a.zip").write_bytes(damage(zipped(FILMS)))
    with pytest.raises(DamagedDump, match=r"a\.zip"):
        unpack(tmp_path / "a.zip", tmp_path / "a")
    assert left_in(tmp_path) == ["a.zip"]


def test_an_archive_that_is_encrypted_is_refused(tmp_path):
    content = bytearray(zipped({"a": b"a"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DamagedDump, match="encrypted"):
        unpack(tmp_path / "a.zip", tmp_path / "a")


@settings(max_examples=60, deadline=None)
@example(at=266, byte=0)  # a name that becomes empty
@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_whatever_byte_of_an_archive_is_wrong_it_is_unpacked_whole_or_not_at_all(at, byte, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(zipped(FILMS))
    content[at % len(content)] = byte
    (folder / "a.zip").write_bytes(content)
    try:
        unpack(folder / "a.zip", folder / "a", max_bytes=10**6)
    except DamagedDump:
        assert left_in(folder) == ["a.zip"]
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


names = st.text("abc.", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))


@settings(max_examples=30, deadline=None)
@given(files=st.dictionaries(names, st.binary(max_size=50), min_size=1, max_size=5), top=st.sampled_from(["", "top/"]))
def test_unpacking_gives_back_what_was_packed(files, top, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    (folder / "a.zip").write_bytes(zipped({top + name: content for name, content in files.items()}))
    unpack(folder / "a.zip", folder / "out")
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == files


def test_every_line_of_the_table_is_packaged_with_the_code():
    from importlib.resources import files

    assert "[ml-100k]" in files("kg_builder.fetching").joinpath("sources.toml").read_text(encoding="utf-8")


def test_a_source_says_how_many_bytes_it_has_only_where_all_are_known():
    assert known_sources()["ml-100k"].size == 4924029
    assert known_sources()["online-retail"].size is None
    assert json.dumps([one.reviews for one in sources_of("amazon-2018/All_Beauty")]) == "[5269]"
    assert Path(known_sources()["ml-1m"].files[0].name).suffix == ".zip"

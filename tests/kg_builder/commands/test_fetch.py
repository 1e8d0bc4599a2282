"""`kg-builder fetch`: what it prints, how it ends."""

import gzip
import json
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from kg_builder.cli import app

runner = CliRunner()


def run(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def mirror(tmp_path):
    """A folder of files and the address of a server that has them."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


@pytest.fixture
def magazines(mirror):
    folder, address = mirror
    review = {"reviewerID": "u1", "asin": "p1", "overall": 5.0, "unixReviewTime": 1393372800}
    for name, row in (
        ("categoryFilesSmall/Magazine_Subscriptions_5.json.gz", review),
        ("metaFiles2/meta_Magazine_Subscriptions.json.gz", {"asin": "p1", "title": "A magazine"}),
    ):
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(gzip.compress(json.dumps(row).encode()))
    return address


def test_what_was_fetched_is_built_by_the_command_on_the_last_line(magazines, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("fetch", "amazon-2018/Magazine_Subscriptions", "--from", magazines)
    assert result.exit_code == 0, result.output
    last = result.stdout.splitlines()[-1]
    assert last == "next: kg-builder build dumps/amazon-2018/Magazine_Subscriptions --into Magazine_Subscriptions.graph"
    built = run(*last.split()[2:])
    assert built.exit_code == 0, built.output
    assert "(User)-[:WROTE]->(Review)" in built.stdout


def test_a_second_fetch_says_that_all_is_there(magazines, tmp_path):
    arguments = ("fetch", "amazon-2018/Magazine_Subscriptions", "--into", tmp_path, "--from", magazines)
    first, second = run(*arguments), run(*arguments)
    assert "_5.json.gz: fetched, no published checksum" in first.stdout
    assert "_5.json.gz: already there, no published checksum" in second.stdout


def test_json_says_the_same_and_nothing_else(magazines, tmp_path):
    result = run("fetch", "amazon-2018/Magazine_Subscriptions", "--into", tmp_path, "--from", magazines, "--json")
    record = json.loads(result.stdout)
    assert record["folder"] == str(tmp_path / "amazon-2018" / "Magazine_Subscriptions")
    assert [file["fetched"] for file in record["files"]] == [True, True]
    assert result.stderr == ""


def test_list_shows_every_source_and_a_line_a_family():
    lines = run("fetch", "--list").stdout.splitlines()
    assert lines[0] == "name\twhat\tlicence\tsize\tformat"
    assert any(line.startswith("ml-100k\t") and "4.9 MB" in line for line in lines)
    assert any(line.startswith("amazon-2023/CATEGORY\t") and "34 categories" in line for line in lines)
    assert len(lines) < 20


def test_list_of_a_family_shows_its_categories():
    lines = run("fetch", "amazon-2023", "--list").stdout.splitlines()
    assert len(lines) == 35
    assert lines[1].startswith("amazon-2023/All_Beauty\t")


def test_list_as_json_has_every_address_and_checksum():
    sources = {one["name"]: one for one in json.loads(run("fetch", "--list", "--json").stdout)["sources"]}
    assert sources["ml-100k"]["files"][0]["checksum"].startswith("sha256:")
    assert sources["amazon-2014/Beauty"]["base"].startswith("https://snap.stanford.edu/")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("ml-100",), "did you mean 'ml-100k'"),
        (("amazon-2018",), "29 categories"),
        (("nothing", "--list"), "no source 'nothing'"),
        (("ml-100k", "--from", "ftp://mirror"), "http:// or https://"),
    ],
)
def test_what_cannot_be_is_wrong_usage_in_one_line(tmp_path, arguments, words):
    result = run("fetch", *arguments, "--into", tmp_path)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_wrong_bytes_and_missing_files_are_refused_in_one_line(mirror, tmp_path):
    folder, address = mirror
    missing = run("fetch", "ml-100k", "--into", tmp_path / "dumps", "--from", address)
    (folder / "ml-100k.zip").write_bytes(b"PK something else")
    wrong = run("fetch", "ml-100k", "--into", tmp_path / "dumps", "--from", address)
    for result, words in ((missing, "answers 404"), (wrong, "expected sha256:50d2a982")):
        assert result.exit_code == 1
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_max_bytes_refuses_an_archive_that_unpacks_to_more(mirror, tmp_path):
    folder, address = mirror
    with zipfile.ZipFile(folder / "ml-latest-small.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-latest-small/ratings.csv", bytes(10**6))
    arguments = ("fetch", "ml-latest-small", "--into", tmp_path / "dumps", "--from", address)
    assert "--max-bytes allows for more" in run(*arguments, "--max-bytes", "1000").stderr
    assert run(*arguments).exit_code == 0


def test_max_bytes_takes_a_unit_and_nothing_that_is_no_number(mirror, tmp_path):
    folder, address = mirror
    with zipfile.ZipFile(folder / "ml-latest-small.zip", "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", bytes(3000))
    arguments = ("fetch", "ml-latest-small", "--into", tmp_path / "dumps", "--from", address, "--max-bytes")
    assert "more than 2,000;" in run(*arguments, "2kB").stderr
    assert run(*arguments, "lots").exit_code == 2
    assert run(*arguments, "0").exit_code == 2
    assert run(*arguments, "4kB").exit_code == 0


def test_a_fetch_that_is_stopped_goes_on_the_next_time(tmp_path):
    asked, content = [], gzip.compress(random.Random(1).randbytes(10**6))

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self):
            first = int(self.headers.get("Range", "bytes=0-")[6:-1])
            asked.append(first)
            self.send_response(206 if first else 200)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.send_header("ETag", '"one"')
            self.end_headers()
            self.wfile.write(content[first:] if len(asked) > 1 else content[:500_000])
            if len(asked) == 1:
                stop.wait(30)

        def log_message(self, *words):
            pass

    stop = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as http:
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}).start()
        name, address = "amazon-2018/Magazine_Subscriptions", f"http://127.0.0.1:{http.server_address[1]}"
        arguments = ["fetch", name, "--into", str(tmp_path), "--from", address]
        program = "from kg_builder.cli import app; app()"
        part = tmp_path / name / "Magazine_Subscriptions_5.json.gz.part"
        with subprocess.Popen([sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True) as fetching:  # noqa: S603
            while not part.is_file() or part.stat().st_size < 500_000:
                assert fetching.poll() is None
                time.sleep(0.02)
            fetching.send_signal(signal.SIGINT)
            said = fetching.stderr.read()
        stop.set()
        again = run(*arguments)
        http.shutdown()
    assert (fetching.returncode, said) == (130, "kg-builder: stopped; the same command goes on from here\n")
    assert again.exit_code == 0, again.output
    assert asked == [0, 500_000, 0]  # the third is the second file
    assert part.with_suffix("").read_bytes() == content


def test_nothing_to_fetch_is_wrong_usage():
    result = run("fetch")
    assert result.exit_code == 2
    assert "--list" in result.output

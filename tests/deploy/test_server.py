"""The program that starts a Neo4j server without Docker."""

import stat
import string
from pathlib import Path

import pytest


@pytest.mark.neo4j
def test_starting_a_server_that_runs_gives_the_same_server(neo4j_server, neo4j_program):
    assert neo4j_program.start(Path(neo4j_server.home)) == neo4j_server


@pytest.mark.neo4j
def test_the_password_is_readable_by_its_owner_alone(neo4j_server):
    assert stat.S_IMODE((Path(neo4j_server.home) / "server.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(neo4j_server.home).stat().st_mode) == 0o700


@pytest.mark.neo4j
def test_the_password_cannot_be_taken_for_an_option(neo4j_server):
    assert set(neo4j_server.password) <= set(string.hexdigits)


@pytest.mark.neo4j
def test_it_listens_on_the_loopback_address_alone(neo4j_server):
    settings = (Path(neo4j_server.home) / "conf" / "neo4j.conf").read_text()
    assert f"server.bolt.listen_address=127.0.0.1:{neo4j_server.port}\n" in settings
    assert "server.http.enabled=false\n" in settings


def test_without_java_it_says_what_to_install(neo4j_program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(neo4j_program.CannotStart, match="Java is not installed"):
        neo4j_program.start(tmp_path / "home")


def test_a_java_that_is_too_old_is_named(neo4j_program, monkeypatch, tmp_path):
    monkeypatch.setattr(neo4j_program, "java_version", lambda: 11)
    with pytest.raises(neo4j_program.CannotStart, match=r"needs Java 17 or newer \(found 11\)"):
        neo4j_program.start(tmp_path / "home")


def test_without_maven_it_says_what_to_install(neo4j_program, monkeypatch, tmp_path):
    monkeypatch.setattr(neo4j_program, "java_version", lambda: 21)
    monkeypatch.setattr(neo4j_program, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(neo4j_program.CannotStart, match="Maven"):
        neo4j_program.start(tmp_path / "home")


def test_a_process_that_is_not_ours_is_no_server(neo4j_program, tmp_path):
    (tmp_path / "server.json").write_text('{"home": "elsewhere", "pid": 1, "port": 1, "password": "x"}')
    assert neo4j_program.running(tmp_path) is None
    assert neo4j_program.stop(tmp_path) is False

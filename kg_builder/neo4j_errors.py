"""What a Neo4j server or its driver finds wrong, in one line of ours; and which servers are too old."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import neo4j
from neo4j import exceptions

from kg_builder.cypher import one_line
from kg_builder.errors import KgBuilderError, QueryError, StoreError, StoreRefused, StoreUnreachable

OLDEST = (5, 15)
"""The first version that makes vector indexes by a statement."""


@contextmanager
def errors(address: str, user: str, *, tried: float | None = None) -> Iterator[None]:
    """The driver's errors become ours.

    Args:
        address: the server's.
        user: whom it knows or not.
        tried: seconds for which a server that answered before was asked again; None where it never answered.
    """
    try:
        yield
    except KgBuilderError:
        raise
    except exceptions.AuthError as error:
        raise StoreRefused(_refusal(error, address, user)) from None
    except exceptions.ClientError as error:
        code = error.code or ""
        if code.startswith("Neo.ClientError.Security"):
            raise StoreRefused(_refusal(error, address, user)) from None
        if code.endswith(_READ_ONLY):
            raise StoreRefused(
                f"{address} takes no writes, its database is read-only; name another server, or end that in its neo4j.conf "
                "(server.databases.default_to_read_only, server.databases.read_only)"
            ) from None
        raise QueryError(one_line(error.message or str(error))) from None
    except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as error:
        raise StoreUnreachable(_silence(error, address, tried)) from None
    except (exceptions.Neo4jError, exceptions.DriverError, ValueError) as error:
        kind = getattr(error, "code", None) or type(error).__name__
        raise StoreError(f"{address}: {one_line(str(error))}").logged_as(f"{address}: {kind}") from None


def check_version(driver: neo4j.Driver, address: str) -> None:
    """Nothing, where the server answers and understands our statements.

    Raises:
        StoreError: it is too old; says which version it is.
    """
    agent = driver.get_server_info().agent
    version = re.search(r"(\d+)\.(\d+)", agent)
    if version is not None and (int(version[1]), int(version[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise StoreError(f"{address} is {agent}; expected Neo4j {oldest} or newer: upgrade the server or name another one")


_READ_ONLY = ("ForbiddenOnReadOnlyDatabase", "ReadOnly", "WriteOnReadOnlyAccessDatabase")


def _refusal(error: exceptions.Neo4jError, address: str, user: str) -> str:
    code = (error.code or "").rpartition(".")[2]
    if code in ("", "Unauthorized"):
        return f"{address} refuses the user {user!r} or the password; set NEO4J_USERNAME and NEO4J_PASSWORD to what it knows"
    return f"{address} refuses the user {user!r} ({code}): {one_line(error.message or str(error))}"


def _silence(error: Exception, address: str, tried: float | None) -> str:
    if tried is not None:
        return (
            f"{address} does not answer any more (asked again for {tried:.0f} s); when it runs again, repeat the command: "
            "it writes what is missing"
        )
    said = one_line(str(error))
    why = f" ({said})" if "Bolt" in said or "protocol" in said.lower() else ""
    return f"no Neo4j server answers at {address}{why}; start one (make neo4j-start) or correct the address in NEO4J_URI"

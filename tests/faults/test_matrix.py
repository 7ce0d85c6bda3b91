"""The fault matrix: each row is proven by a test that carries its mark.

A row says what a network, a server, a body or a caller does; the tests say what comes of it,
judged by the server's log.  `@pytest.mark.fault("N12")` stands on a test, wherever it lives,
or on one of its parameters.  Around every test so marked, `conftest.py` checks what holds for
all of them: errors of ours alone, each of which pickles, no socket and no task left behind,
and the key nowhere.  Rows of streams, S, stand with the tests of streams.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

ROWS = {
    # What a network does.
    "N1": "connections are refused",
    "N2": "connections are refused twice",
    "N3": "the host name is unknown",
    "N4": "the resolver takes its time",
    "N6": "a SYN is never answered",
    "N7": "the first of two addresses refuses",
    "N8": "a certificate is expired, or nobody trusts it",
    "N9": "a certificate is for another host; a TLS port speaks plain text",
    "N10": "a TLS handshake is never answered",
    "N11": "a connection is reset before a byte was read",
    "N12": "a request is applied, and the connection ends",
    "N13": "a request is read and not applied, and the connection ends",
    "N14": "a connection is closed while it is idle",
    "N15": "a connection is closed in the moment of its second request",
    "N16": "the answer to another request is pushed onto an idle connection",
    "N17": "a 408 is pushed onto an idle connection",
    "N19": "nothing is ever answered",
    "N20": "an answer trickles",
    "N21": "a chunk is malformed, or no chunk at all",
    "N22": "a body is shorter than its length",
    "N23": "a body without a length is cut",
    "N24": "the line is slow, late, and cuts everything into slices",
    "N25": "a proxy refuses, fails, hangs, closes or talks nonsense",
    "N26": "this machine is out of sockets",
    "N27": "the server dies and comes back",
    "N28": "the host moves, and its name leads elsewhere",
    "N29": "the host loses its TLS for a moment",
    "N30": "the host is down from the very beginning",
    "N31": "half of all connections are reset, as they are made or in use",
    "N32": "more connections than so many are not let in",
    "N33": "an outage longer than a run, or than anybody waits",
    "N34": "a deadline that is shorter than an answer takes",
    # What a server answers.
    "H1": "400 that names a parameter",
    "H2": "401",
    "H3": "401 from some request on",
    "H4": "one odd 401",
    "H5": "403, 404, 413, 422",
    "H6": "409, and the wish had come true",
    "H7": "409, and the instance is gone",
    "H8": "409 to the second of two tries",
    "H9": "429 with seconds to wait",
    "H10": "429 with a date to wait for",
    "H11": "429 without a word of how long",
    "H12": "429 with a day to wait",
    "H13": "429 with garbage to wait for",
    "H14": "429, twenty times",
    "H15": "429 that means a quota of machines",
    "H16": "500, applied or not",
    "H17": "502 with a page of HTML",
    "H18": "503 before the key was looked at",
    "H19": "504 to what runs long",
    "H20": "a redirect",
    "H22": "a success without a body",
    "H23": "a success that says it is none",
    "H25": "a lost answer to what acts each time",
    "H26": "a lost answer to what carries a key",
    "H27": "413 while the body is still on its way",
    "H28": "a refusal whose body never comes whole",
    "H29": "a list whose cursors go round, or which is not paged at all",
    # What a body holds.
    "P1": "no JSON, or more than one document of it",
    "P2": "no UTF-8",
    "P3": "ten million brackets",
    "P4": "deep nesting under a raised recursion limit",
    "P5": "numbers beyond all bounds, texts for numbers",
    "P6": "a member twice",
    "P7": "another instance",
    "P8": "unknown words and fields, missing ones",
    "P9": "no id",
    "P10": "more than anybody would read",
    "P11": "a coding nobody asked for, or a broken one",
    "P12": "a head that is no HTTP",
    "P13": "text that a terminal would obey, or a mebibyte of it",
    "P14": "a cookie",
    # What a caller does.
    "C1": "cancels a call, wherever it is",
    "C2": "cancels a fleet",
    "C3": "presses Ctrl-C",
    "C4": "sends SIGTERM",
    "C5": "sets a timeout of its own around a fleet",
    "C6": "gives a fleet a deadline",
    "C7": "names an id twice",
    "C8": "names what is no id",
    "C9": "passes one string for many ids",
    "C10": "has a generator that raises",
    "C11": "has a slow asynchronous source",
    "C12": "has an endless source and a deadline",
    "C13": "starts nothing",
    "C14": "closes the client under a fleet",
    "C15": "uses it after closing, in another loop, in a forked child",
    "C16": "forgets to close",
    "C17": "has a callback that raises",
    "C18": "is killed, and goes on with its journal",
    "C19": "has a key that is none",
    "C20": "has a base URL that is none",
    "C21": "gives options that cannot work",
    "C22": "runs two fleets and single calls at once",
    "C24": "raises the recursion limit, brings another loop, debugs asyncio",
    "C25": "pickles the client, errors and reports",
    "C26": "has an endless source that repeats itself",
    "C27": "keeps its journal in a pipe",
}


def marks() -> dict[str, list[str]]:
    """Find the tests of each row by reading their source: no run has to collect them all."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in TESTS.rglob("test_*.py"):
        for test in ast.parse(file.read_text(encoding="utf-8")).body:
            if not isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in (node for mark in test.decorator_list for node in ast.walk(mark)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                    for row in node.args:
                        name = f"{file.relative_to(TESTS)}::{test.name}"
                        found[str(ast.literal_eval(row))].append(name)
    return found


MARKS = marks()


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_the_matrix_is_proven(row: str) -> None:
    """A row without a test is a promise nobody keeps."""
    assert MARKS.get(row), f"{row}, {ROWS[row]}: no test carries its mark"


def test_each_mark_names_a_row() -> None:
    """A misspelt mark proves nothing; the rows of streams are listed with them."""
    assert {row for row in MARKS if not row.startswith("S")} <= set(ROWS)


def test_marks_stand_on_tests() -> None:
    """What is not collected proves nothing either."""
    assert all(name.partition("::")[2].startswith("test_") for on in MARKS.values() for name in on)

"""Changes of shared code, read with suspicion; documents that take them whole or not at all; who is where; files."""

import gc
import weakref
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlFragment, merge_updates

from mentorq.sessions.room import document as documents
from mentorq.sessions.room import seeds
from mentorq.sessions.room.awareness import MOST_NUMBERS, NOWHERE, Awareness, Voice, read_entries, write_entries
from mentorq.sessions.room.changes import EMPTY, read_state
from mentorq.sessions.room.document import LARGEST, Document, Lacking
from mentorq.sessions.room.encoding import Garbage, Reader, TooLarge, block, number
from mentorq.sessions.room.protocol import Kind, Step, awareness, read_frame, stored, sync


class Writer:
    """Somebody who changes a document of their own; `changes` is what they would send."""

    def __init__(self, begin: bytes = b"") -> None:
        self.doc: Doc[Any] = Doc()
        self.changes: list[bytes] = []
        if begin:
            self.doc.apply_update(begin)
        self.text: Text = self.doc.get("text", type=Text)
        self._is_hearing = False
        self._watching = self.doc.observe(self._changed)

    def _changed(self, event: TransactionEvent) -> None:
        if not self._is_hearing:
            self.changes.append(event.update)

    def hear(self, change: bytes) -> None:
        """Take what others have changed."""
        self._is_hearing = True
        self.doc.apply_update(change)
        self._is_hearing = False

    def type(self, text: str, at: int = 0) -> bytes:
        """Insert a text; returns the change."""
        self.text.insert(at, text)
        return self.changes[-1]


def text_of(document: Document) -> str:
    """What a document's text is, for whoever reads it from its bytes."""
    return str(Writer(document.whole()).text)


# --- numbers and bytes


@given(st.integers(0, 2**53 - 1))
def test_numbers_come_back(value: int) -> None:
    reader = Reader(number(value))
    assert reader.number() == value
    reader.end()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\x80" * 9 + b"\x01"])
def test_what_is_no_number_is_garbage(data: bytes) -> None:
    with pytest.raises(Garbage):
        Reader(data).number()


@given(st.binary(max_size=200))
def test_frames_are_read_or_garbage(frame: bytes) -> None:
    try:
        kind, carried = read_frame(frame)
    except Garbage:
        return
    assert kind in {*Step, *Kind}
    assert len(carried) < len(frame)


def test_frames_are_what_y_websocket_sends() -> None:
    assert read_frame(bytes([0, 0, 1, 0])) == (Step.ASK, b"\0")
    assert read_frame(sync(Step.ANSWER, b"abc")) == (Step.ANSWER, b"abc")
    assert read_frame(sync(Step.CHANGE, b"")) == (Step.CHANGE, b"")
    assert read_frame(awareness(b"x" * 200))[0] is Kind.AWARENESS
    assert read_frame(b"\x03") == (Kind.QUERY_AWARENESS, b"")
    assert stored(300) == b"\x64\xac\x02"
    for wrong in (b"\x02\0", b"\0\x03\0", b"\x64\x01", b"\x03\0", b"\0\x01\x05abc", sync(Step.CHANGE, b"a") + b"b"):
        with pytest.raises(Garbage):
            read_frame(wrong)


# --- changes

LETTERS = st.text("ab\nç€😀", min_size=1, max_size=6)
EDITS = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 1000), LETTERS), max_size=30)


@given(EDITS)
def test_changes_of_writers_arrive_whole_in_any_grouping(edits: list[tuple[int, bool, int, str]]) -> None:
    """Three people write, and hear of each other now and then; what the document has is what each has in the end."""
    document, writers = Document(), [Writer() for _ in range(3)]
    sent = [0, 0, 0]
    passed_on: list[bytes] = []
    for who, hears, where, text in edits:
        writer = writers[who]
        if hears:
            writer.hear(document.since(writer.doc.get_state()))
        places = [0]
        for character in str(writer.text):
            places.append(places[-1] + len(character.encode()))
        at = places[where % len(places)]
        if where % 3 == 0 and at < places[-1]:
            del writer.text[at : places[places.index(at) + 1]]
        else:
            writer.text.insert(at, text)
        news = [document.take(change) for change in writer.changes[sent[who] :]]
        sent[who] = len(writer.changes)
        passed_on += [change for change in news if change is not None]
    for who, writer in enumerate(writers):
        for change in writer.changes[sent[who] :]:
            document.take(change)
    expected = text_of(document)
    for writer in writers:
        writer.doc.apply_update(document.since(writer.doc.get_state()))
        assert str(writer.text) == expected
    peer = Document()
    for change in passed_on:
        assert peer.absorb(change) is not None
    assert text_of(peer) == text_of(Document(passed_on)) == expected
    assert read_state(peer.state()) == read_state(Document(passed_on).state())


def test_what_is_known_is_no_news() -> None:
    writer, document = Writer(), Document()
    change = writer.type("abc")
    assert document.take(change) == change
    assert document.take(change) is None
    assert document.take(writer.doc.get_update()) is None
    assert document.take(EMPTY) is None
    del writer.text[0:1]
    assert document.take(writer.changes[-1]) is not None
    assert document.take(writer.doc.get_update()) is None


def test_what_builds_on_something_else_has_to_wait_for_it() -> None:
    writer, document = Writer(), Document()
    first, second, third = writer.type("a"), writer.type("b", 1), writer.type("c", 2)
    other = Writer(writer.doc.get_update())
    beside = other.type("x", 1)
    del other.text[0:1]
    for lacking in (second, third, beside, other.changes[-1], merge_updates(first, third), b"\0\x01\x05\x01\0\x01"):
        with pytest.raises(Lacking):
            document.take(lacking)
    assert document.whole() == EMPTY
    document.take(first)
    with pytest.raises(Lacking):
        document.take(merge_updates(first, third))
    document.take(other.doc.get_update())
    assert text_of(document) == str(other.text)


def nested(depth: int, opening: bytes) -> bytes:
    """A change that puts a value into a list, so deep."""
    value = opening * depth + b"\x7e"
    return b"\x01\x01\x05\0\x08\x01\x01r\x01" + value + b"\0"


@pytest.mark.parametrize(
    "update",
    [
        b"",
        b"\0",
        b"\0\0\0",
        nested(31_000, b"\x75\x01"),  # which ends the process of whoever believes it
        nested(12_000, b"\x76\x01\x01a"),
        nested(17, b"\x75\x01"),
        b"\x01\xff\xff\xff\xff\x0f\x05\0" + b"\0",  # so many changes
        b"\xff\xff\xff\xff\x0f",  # of so many clients
        b"\0\xff\xff\xff\xff\x0f",
        b"\0\x01\x05\xff\xff\xff\xff\x0f",
        b"\x01\x01\x05\0\x08\x01\x01r\x01\x75\xff\xff\xff\xff\x0f\x7e\0",  # a list of so many
        b"\x01\x01\x05\0\x08\x01\x01r\xff\xff\xff\xff\x07\x7e\0",
        b"\x01\x01\x05\0\x04\x01\x01r\xff\xff\xff\xff\x0fab\0",  # a text of so many
        b"\x01\x01\x05\0\x04\x01\x01r\x02\xc3\x28\0",  # a text that is no UTF-8
        b"\x01\x01\x05\0\x04\x01\x01r\x00\0",  # an empty text
        b"\x01\x01\x05\0\x00\xff\xff\xff\xff\x0f\0",  # so many that are gone
        b"\x01\x01\x05\xff\xff\xff\xff\x07\x00\x05\0",
        b"\x01\x01\x05\0\x05\x01\x01r\x04null\0",  # something embedded
        b"\x01\x01\x05\0\x09\x01\x01r\x01a\x76\0\0",  # a document in a document
        b"\x01\x01\x05\0\x07\x01\x01r\x04\0",  # XML
        b"\x01\x01\x05\0\x08\x01\x01r\x01\x73\0",  # a value of no kind
        b"\x01\x00\x05\0\0",  # no changes of a client
        b"\x02\x01\x05\0\x04\x01\x01r\x01a\x01\x05\x01\x04\x01\x01r\x01a\0",  # one client twice
    ],
)
def test_what_no_document_is_made_of_is_garbage(update: bytes) -> None:
    document = Document()
    with pytest.raises(Garbage):
        document.take(update)
    assert document.whole() == EMPTY


def test_values_of_all_kinds_are_read() -> None:
    doc: Doc[Any] = Doc()
    doc["list"] = Array([1, 2.5, -3, 2**40, 2**60, "s", True, False, None, b"bytes", [1, [2]], {"a": {"b": "€"}}])
    doc["map"] = Map({"text": Text("a😀"), "list": Array(["x"]), "map": Map({"y": 1})})
    del doc["list"][3]
    document = Document()
    document.take(doc.get_update())
    assert document.whole() == doc.get_update()
    doc["xml"] = XmlFragment()
    doc["xml"].children.append("text")
    with pytest.raises(Garbage):
        document.take(doc.get_update())


def real_updates() -> tuple[bytes, list[bytes]]:
    """What a document begins with, and changes that fit it."""
    begin = seeds.encode(
        [
            {"id": "f0", "name": "main.py", "language": "python", "text": "print('hello')\n" * 10},
            {"id": "f1", "name": "a.py", "language": "python", "text": "€😀"},
        ]
    )
    writer = Writer(begin)
    files = writer.doc.get("files", type=Map)
    text = files["f0"]["text"]
    text.insert(3, "abc")
    text.insert(40, "ç😀")
    del text[5:20]
    del files["f1"]
    files["f2"] = Map({"name": "b", "language": "text", "position": 2, "text": Text("new")})
    files["f2"]["name"] = "c.txt"
    return begin, [*writer.changes, writer.doc.get_update()]


BEGIN, REAL = real_updates()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real change, but for some bytes of it."""
    update = bytearray(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(update) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                update[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del update[at:]
            case 2:
                update[at:at] = draw(st.binary(max_size=8))
            case _:
                update[at : at + 1] = b"\xff\xff\xff\xff\x0f"
    return bytes(update)


@settings(max_examples=500)
@given(st.one_of(mutated(), st.binary(max_size=100)))
@example(REAL[0])
def test_what_is_refused_leaves_the_document_as_it_was(update: bytes) -> None:
    document = Document([BEGIN])
    before = document.whole()
    try:
        news = document.take(update)
    except (Garbage, Lacking):
        assert document.whole() == before
    except documents.Spoilt:
        return  # it says so, and is read again
    else:
        assert (news is None) == (document.whole() == before)
        if news is not None:
            peer = Document([BEGIN])
            peer.absorb(news)
            assert read_state(peer.state()) == read_state(document.state())
    finally:
        document.close()
    seeds.read_files(document.whole())


def test_what_cannot_be_put_in_spoils_the_document_and_says_so() -> None:
    """A thing put into a text, as if it were a map: the library notices when half of it is done."""
    writer = Writer()
    writer.type("abc")
    document = Document([writer.doc.get_update()])
    client = number(writer.doc.client_id)
    with pytest.raises(documents.Spoilt):
        document.take(b"\x01\x01\x05\0\x04\0" + client + b"\x01\x01x\0")


# --- bounds


def test_a_document_has_a_megabyte() -> None:
    writer, document = Writer(), Document()
    for _ in range(17):
        document.take(writer.type("x" * 60_000))
    before = document.whole()
    assert len(before) > LARGEST - 60_000
    with pytest.raises(TooLarge):
        document.take(writer.type("y" * 60_000))
    assert document.whole() == before
    other = Writer(before)
    del other.text[0:500_000]
    document.take(other.changes[-1])
    document.take(other.type("y" * 60_000))
    assert len(document.whole()) < LARGEST - 400_000
    assert text_of(document) == str(other.text)


def test_who_is_at_the_limit_may_still_take_away(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer()
    document = Document([writer.type("x" * 200)])
    monkeypatch.setattr(documents, "LARGEST", len(document.whole()) + 5)
    for _ in range(5):  # letter by letter, which leaves more behind than it takes away
        del writer.text[10:11]
        document.take(writer.changes[-1])
        writer.text.insert(15, "")
    with pytest.raises(TooLarge):
        document.take(writer.type("abcdefghijklmnopqrstuvwxyz"))


def test_documents_that_are_closed_are_not_kept() -> None:
    kept = []
    for _ in range(3):
        document = Document([BEGIN])
        kept.append(weakref.ref(document._doc))
        document.close()
    del document
    gc.collect()
    assert [reference() for reference in kept] == [None] * 3


def test_a_stored_change_that_cannot_be_read_costs_itself_only() -> None:
    writer = Writer()
    first, second = writer.type("a"), writer.type("b", 1)
    assert text_of(Document([first, b"\x01nonsense", second])) == "ab"


# --- who is where


def entry(page: int, clock: int, state: bytes = b'{"user":{}}') -> tuple[int, int, bytes]:
    """What a page says."""
    return page, clock, state


def test_what_a_page_says_goes_to_all_and_echoes_go_nowhere() -> None:
    there, ana, ben = Awareness(), Voice(1), Voice(2)
    assert there.hear(ana, [entry(10, 1)]) == [entry(10, 1)]
    assert there.hear(ben, [entry(20, 1), entry(10, 1)]) == [entry(20, 1)]
    assert there.hear(ana, [entry(10, 1)]) == [entry(10, 1)], "a sign of life is heard, even if nothing is new"
    assert there.hear(ana, [entry(10, 0)]) == []
    assert there.hear(ben, [entry(10, 1, NOWHERE), entry(10, 9)]) == [], "nobody speaks for another"
    assert sorted(there.everybody()) == [entry(10, 1), entry(20, 1)]


def test_who_leaves_is_gone_and_stays_so_until_back() -> None:
    there, ana, ben = Awareness(), Voice(1), Voice(2)
    there.hear(ana, [entry(10, 5)])
    assert there.leave(ana) == [entry(10, 5, NOWHERE)]
    assert there.hear(ben, [entry(10, 5)]) == [], "an echo"
    again = Voice(1)
    assert there.hear(again, [entry(10, 5)]) == [entry(10, 5)], "as y-websocket comes back"
    newer = Voice(1)
    assert there.hear(newer, [entry(10, 6)]) == [entry(10, 6)], "before it was noticed that the socket is dead"
    assert there.leave(again) == []
    assert there.hear(newer, [entry(10, 7, NOWHERE)]) == [entry(10, 7, NOWHERE)]
    assert there.everybody() == []


def test_a_socket_has_a_few_pages_and_says_little() -> None:
    there, ana = Awareness(), Voice(1)
    there.hear(ana, [entry(page, 1) for page in range(MOST_NUMBERS)])
    with pytest.raises(TooLarge):
        there.hear(ana, [entry(MOST_NUMBERS, 1)])
    with pytest.raises(TooLarge):
        read_entries(write_entries([entry(1, 1, b'{"a":"%s"}' % (b"x" * 4096))]))
    for wrong in (b"\x01\x01\x01\x02[]", b"\x01\x01\x01\x02{", b"\x02\x01\x01\x02{}", b"", b"\x01\x01\x01\x03nul"):
        with pytest.raises(Garbage):
            read_entries(wrong)
    with pytest.raises(Garbage):
        read_entries(write_entries([entry(1, 1, b"[" * 2000 + b"]" * 2000)]))


def test_others_elsewhere_fade(monkeypatch: pytest.MonkeyPatch) -> None:
    there, here, elsewhere = Awareness(), Voice(1), Voice(0)
    there.hear(here, [entry(10, 1)])
    there.hear(elsewhere, [entry(page, 1) for page in range(20, 30)])
    assert there.here() == [entry(10, 1)]
    assert there.fade() == []
    monkeypatch.setattr("mentorq.sessions.room.awareness.FADES_SECONDS", -1)
    assert there.fade() == [entry(page, 1, NOWHERE) for page in range(20, 30)]
    assert there.everybody() == [entry(10, 1)]


@given(st.binary(max_size=60))
def test_what_pages_say_is_read_or_refused(update: bytes) -> None:
    try:
        entries = read_entries(update)
    except (Garbage, TooLarge):
        return
    Awareness().hear(Voice(1), entries[:MOST_NUMBERS])


# --- files


def names(description: str, *tags: str) -> list[tuple[str, str]]:
    """What the files of a question are called, and their languages."""
    return [(file["name"], file["language"]) for file in seeds.first_files(description, tags)]


def fenced(info: str, code: str = "x = 1") -> str:
    """A block of code."""
    return f"```{info}\n{code}\n```\n"


def test_code_becomes_files() -> None:
    description = (
        "I wrote\n\n"
        + fenced("python")
        + "and\n\n"
        + fenced("java", "class A {}")
        + "- in a list\n\n  "
        + ("```sql\n  SELECT 1\n  ```\n")
    )
    files = seeds.first_files(description, ["python"])
    assert [(file["name"], file["text"]) for file in files] == [
        ("main.py", "x = 1\n"), ("Main.java", "class A {}\n"), ("query.sql", "SELECT 1\n"),
    ]  # fmt: skip
    assert [file["id"] for file in files] == ["f0", "f1", "f2"]


@pytest.mark.parametrize(
    ("info", "tags", "expected"),
    [
        ("", ["java"], ("Main.java", "java")),
        ("", ["spring-boot"], ("Main.java", "java")),
        ("", ["no-such-thing", "ruby-on-rails"], ("main.rb", "ruby")),
        ("", [], ("main.py", "python")),
        ("js", [], ("main.js", "javascript")),
        ("C++", [], ("main.cpp", "c++")),
        ("py", ["java"], ("main.py", "python")),
        ("text", ["java"], ("notes.txt", "text")),
        ("brainfuck", [], ("notes.txt", "text")),
        ("python app.py", [], ("app.py", "python")),
        ('python title="src/app.py"', [], ("src/app.py", "python")),
        ("{filename=a.c}", [], ("a.c", "c")),
        ("js:index.mjs", [], ("index.mjs", "javascript")),
        ("app.ts", [], ("app.ts", "typescript")),
        ("python ../../etc/passwd.py", [], ("main.py", "python")),
        ("python /etc/x.py", [], ("main.py", "python")),
        ("python " + "a" * 70 + ".py", [], ("main.py", "python")),
        ("python {1,3}", [], ("main.py", "python")),
    ],
)
def test_names_and_languages(info: str, tags: list[str], expected: tuple[str, str]) -> None:
    assert names(fenced(info), *tags) == [expected]


def test_there_are_one_to_six_files_with_names_of_their_own() -> None:
    assert names("No code.", "rust") == [("main.rs", "rust")]
    assert names(fenced("python", " ")) == [("main.py", "python")]
    assert seeds.first_files("", [])[0]["text"] == ""
    many = names(fenced("python") * 9 + fenced("docker"))
    assert [name for name, _ in many] == ["main.py", "main2.py", "main3.py", "main4.py", "main5.py", "main6.py"]
    assert names(fenced("docker") * 2) == [("Dockerfile", "docker"), ("Dockerfile2", "docker")]
    assert names("> " * 30 + "x\n" + fenced("java")) == [("main.py", "python")], "what cannot be shown has no code"


def test_files_are_read_as_they_were_written() -> None:
    files = seeds.first_files(fenced("python", "print('ç😀')") + fenced("java"), [])
    assert seeds.read_files(seeds.encode(files)) == files


def test_files_that_are_none_are_left_out() -> None:
    doc: Doc[Any] = Doc()
    doc["files"] = Map(
        {
            "a": 1,
            "b": Map({"name": "no text"}),
            "c": Map({"text": "not shared"}),
            "d": Map({"text": Text("x"), "name": 5, "position": "first", "language": None}),
            "e": Map({"text": Text("y"), "name": "e.py", "position": -1, "language": "python"}),
        }
    )
    assert seeds.read_files(doc.get_update()) == [
        {"id": "e", "name": "e.py", "language": "python", "text": "y"},
        {"id": "d", "name": "d", "language": "text", "text": "x"},
    ]
    other: Doc[Any] = Doc()
    other["files"] = Text("a text, of all things")
    assert seeds.read_files(other.get_update()) == []
    assert seeds.read_files(EMPTY) == []
    assert seeds.read_files(block(b"nonsense")) == []

"""One spelling for each technology, whatever people type."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mentorq.tags.names import MAX_LENGTH, InvalidTagName, aliases, normalise, technologies

# What people really type, far more often than random Unicode, which seldom gets past the first check.
TAG_LIKE = st.text(alphabet="abcJS0 \t\n_-#+.é♯ßİ–\u00ad\u0301\u200d\ufe0f＃Ⅷ", max_size=50)


def normalised_or_none(raw: str) -> str | None:
    try:
        return normalise(raw)
    except InvalidTagName:
        return None


class TestSpelling:
    @pytest.mark.parametrize(
        "name",
        ["c++", "c#", "f#", ".net", "node.js", "vue.js", "asp.net-core", "python", "c", "r", "d3.js", "pl-sql"],
    )
    def test_names_of_real_technologies_stay_as_they_are(self, name: str) -> None:
        assert normalise(name) == name

    @pytest.mark.parametrize(
        ("raw", "name"),
        [
            ("  Python \n", "python"),
            ("Spring Boot", "spring-boot"),
            ("spring__boot", "spring-boot"),
            ("spring -_ boot", "spring-boot"),
            ("-python-", "python"),
            ("ASP.NET Core", "asp.net-core"),
            ("data\u00a0frames", "data-frames"),
            ("unit–testing", "unit-testing"),
        ],
    )
    def test_case_and_gaps_do_not_matter(self, raw: str, name: str) -> None:
        assert normalise(raw) == name

    @pytest.mark.parametrize(
        ("raw", "name"),
        [("#python", "python"), ("# python", "python"), ("##rust", "rust"), ("C#", "c#"), ("#c#", "c#")],
    )
    def test_a_hash_in_front_is_dropped_and_one_behind_stays(self, raw: str, name: str) -> None:
        assert normalise(raw) == name

    @pytest.mark.parametrize(
        ("raw", "name"),
        [("Ｐｙｔｈｏｎ", "python"), ("Ｃ＃", "c#"), ("C♯", "c#"), ("py\u200bthon", "python"), ("cafe\u0301", "café")],
    )
    def test_look_alikes_are_one_name(self, raw: str, name: str) -> None:
        assert normalise(raw) == name

    @pytest.mark.parametrize("name", ["программирование", "データベース", "पाइथन", "größe".replace("ß", "ss")])
    def test_letters_of_any_script_are_letters(self, name: str) -> None:
        assert normalise(name) == name

    def test_the_longest_name_is_accepted(self) -> None:
        assert normalise("x" * MAX_LENGTH) == "x" * MAX_LENGTH

    def test_length_counts_after_normalisation(self) -> None:
        assert normalise(" " * 100 + "python" + "_" * 100) == "python"


class TestAliases:
    @pytest.mark.parametrize(
        ("raw", "name"),
        [
            ("JS", "javascript"),
            ("k8s", "kubernetes"),
            ("postgres", "postgresql"),
            ("node", "node.js"),
            ("NodeJS", "node.js"),
            ("Node JS", "node.js"),
            ("golang", "go"),
            ("csharp", "c#"),
            ("C Sharp", "c#"),
            ("cpp", "c++"),
            ("dotnet", ".net"),
            ("py", "python"),
            ("#Python3", "python"),
            ("React.js", "react"),
            ("Ruby on Rails", "ruby-on-rails"),
        ],
    )
    def test_other_spellings_become_the_canonical_name(self, raw: str, name: str) -> None:
        assert normalise(raw) == name

    @pytest.mark.parametrize(
        "neighbours",
        [
            ("react", "react-native"),
            ("java", "javascript"),
            ("spring", "spring-boot"),
            ("angular", "angularjs"),
            ("sql", "mysql"),
            ("sql", "sql-server"),
            ("c", "c++"),
            ("c", "c#"),
            (".net", ".net-framework"),
            ("asp.net", "asp.net-core"),
            ("git", "github"),
            ("docker", "docker-compose"),
            ("venv", "virtualenv"),
            ("mysql", "mariadb"),
        ],
    )
    def test_neighbours_stay_apart(self, neighbours: tuple[str, str]) -> None:
        one, other = map(normalise, neighbours)
        assert (one, other) == neighbours


class TestInvalidNames:
    @pytest.mark.parametrize("raw", ["", "   ", "#", "--", "...", "+#.-", "\u200b", "\u0301"])
    def test_without_letter_or_digit(self, raw: str) -> None:
        with pytest.raises(InvalidTagName, match="at least one letter or digit"):
            normalise(raw)

    def test_too_long(self) -> None:
        with pytest.raises(InvalidTagName, match="at most 35 characters; this one has 36"):
            normalise("x" * 36)

    @pytest.mark.parametrize(
        ("raw", "named"),
        [
            ("what?", "“\\?”"),
            ("a/b", "“/”"),
            ("<b>", "“<”"),
            ("snake🐍", "“🐍”"),
            ("a\0b", r"U\+0000"),
            ("a\x1fb", r"U\+001F"),
            ("a\x0cb", r"U\+000C"),
            ("a\ud800b", r"U\+D800"),
        ],
    )
    def test_the_message_names_the_character_in_the_way(self, raw: str, named: str) -> None:
        with pytest.raises(InvalidTagName, match=named):
            normalise(raw)

    def test_the_message_can_be_sent_to_a_browser(self) -> None:
        with pytest.raises(InvalidTagName) as caught:
            normalise("\udfff")
        assert str(caught.value).encode()

    def test_it_is_a_value_error(self) -> None:
        assert issubclass(InvalidTagName, ValueError)


class TestProperties:
    @given(st.one_of(st.text(), TAG_LIKE, st.sampled_from(sorted(aliases()))))
    @example("#-#c")
    @example("İ")
    @example("\u1100\u200b\u1161")
    def test_normalising_twice_changes_nothing(self, raw: str) -> None:
        once = normalised_or_none(raw)
        if once is not None:
            assert normalise(once) == once

    @given(st.one_of(st.text(), TAG_LIKE))
    def test_a_name_is_short_and_has_no_gaps_or_capitals(self, raw: str) -> None:
        name = normalised_or_none(raw)
        if name is not None:
            assert 1 <= len(name) <= MAX_LENGTH
            assert name == name.casefold()
            assert not any(character.isspace() or character == "_" for character in name)
            assert "--" not in name
            assert not name.startswith(("#", "-"))
            assert not name.endswith("-")

    @given(st.sampled_from(sorted({*technologies(), *aliases()})), st.sampled_from([" ", "_", "-", "  ", " - "]))
    def test_known_technologies_are_found_however_they_are_written(self, spelling: str, gap: str) -> None:
        assert normalise(f" #{spelling.replace('-', gap).upper()} ") == normalise(spelling)


class TestTheAliasFile:
    def test_it_covers_the_field(self) -> None:
        assert len(technologies()) >= 180
        assert sum(map(len, technologies().values())) >= 350

    def test_no_spelling_stands_for_two_technologies(self) -> None:
        assert len(aliases()) == sum(map(len, technologies().values()))

    def test_no_canonical_name_is_an_alias_so_there_are_no_chains(self) -> None:
        assert not technologies().keys() & aliases().keys()

    def test_every_canonical_name_is_in_normal_form(self) -> None:
        assert [name for name in technologies() if normalise(name) != name] == []

    def test_every_spelling_is_reachable(self) -> None:
        # An alias with a capital or a space would never be looked up.
        assert {alias: normalise(alias) for alias in aliases()} == dict(aliases())

    def test_every_technology_has_another_spelling(self) -> None:
        assert [name for name, known in technologies().items() if not known] == []

"""What a function file may say, which revision it is, and in which order files are created."""

from pathlib import Path

import pytest

from cift_shared.database.migrations.function_files import (
    FunctionFile,
    digest_of,
    find_functions,
    in_order,
    parse,
    stamped,
)
from cift_shared.errors import InvariantViolated
from tests.support.function_files import source_files, stamp

ONE = "create or replace function s.f() returns int language sql return 1;\n"


def function(name: str, rest: str = "returns int return 1;") -> FunctionFile:
    text = f"create or replace function s.{name}() {rest}\n"
    return parse("s", f"{name}.sql", stamped(text))


class TestTheFirstLine:
    def test_of_a_new_file_is_revision_one(self) -> None:
        assert stamped(ONE) == f"-- revision: 1 {digest_of(ONE)}\n{ONE}"

    def test_stays_while_the_text_does(self) -> None:
        assert stamped(stamped(ONE)) == stamped(ONE)

    def test_of_a_changed_text_is_the_next_revision(self) -> None:
        changed = stamped(ONE).replace("return 1", "return 2")
        assert stamped(changed).startswith("-- revision: 2 ")
        assert stamped(changed).endswith("return 2;\n")
        # a way back is a revision of its own, or databases would keep the text between
        back = stamped(stamped(changed).replace("return 2", "return 1"))
        assert back.startswith("-- revision: 3 ")

    def test_is_read_with_the_text(self) -> None:
        file = parse("s", "f.sql", stamped(ONE))
        assert (file.full_name, file.revision, file.sql) == ("s.f", 1, ONE)
        assert file.label == "s.f (revision 1)"
        assert not file.drops

    @pytest.mark.parametrize(
        "text", [ONE, stamped(ONE).replace("1;", "2;"), stamped(ONE).replace("revision", "version")]
    )
    def test_that_does_not_fit_is_an_error(self, text: str) -> None:
        with pytest.raises(InvariantViolated, match="make functions"):
            parse("s", "f.sql", text)

    def test_is_written_to_files_that_changed(self, tmp_path: Path) -> None:
        kept, changed = tmp_path / "kept.sql", tmp_path / "changed.sql"
        kept.write_text(stamped(ONE))
        changed.write_text(stamped(ONE).replace("return 1", "return 2"))
        assert stamp([kept, changed]) == [changed]
        assert changed.read_text().startswith("-- revision: 2 ")
        assert stamp([kept, changed]) == []

    def test_fits_in_every_file_of_the_sources(self) -> None:
        files = source_files()
        assert len(files) == len(find_functions()) > 100
        assert [file.name for file in files if stamped(file.read_text()) != file.read_text()] == []


class TestAFile:
    @pytest.mark.parametrize(
        "text",
        [
            "select 1;\n",
            ONE.replace("s.f", "s.g"),
            ONE.replace("s.f", "other.f"),
            ONE.replace("or replace ", ""),
            ONE + ONE.replace("s.f", "s.g"),
            ONE + ONE,
            ONE + "create function s.g() returns int return 1;\n",
            ONE + "drop function if exists s.g;\n",
        ],
    )
    def test_is_about_the_function_that_it_is_named_after(self, text: str) -> None:
        with pytest.raises(InvariantViolated, match="nothing else"):
            parse("s", "f.sql", stamped(text))

    @pytest.mark.parametrize("name", ["F.sql", "f-g.sql", "1f.sql"])
    def test_is_named_as_sql_names_it(self, name: str) -> None:
        with pytest.raises(InvariantViolated, match="lower case"):
            parse("s", name, stamped(ONE))

    @pytest.mark.parametrize("kind", ["function", "view"])
    def test_may_remove_it(self, kind: str) -> None:
        assert parse("s", "f.sql", stamped(f"drop {kind} if exists s.f;\n")).drops


class TestTheOrder:
    def test_is_that_of_what_postgresql_looks_up(self) -> None:
        first, second, third = (
            function("z"),
            function("m", "returns s.z return null;"),
            function("a", "returns int begin atomic select s.m(); end;"),
        )
        assert in_order([third, second, first]) == [first, second, third]

    def test_is_by_name_without_a_need(self) -> None:
        files = [function("c"), function("a"), function("b")]
        assert [one.name for one in in_order(files)] == ["a", "b", "c"]

    def test_quoted_bodies_and_comments_need_nothing(self) -> None:
        quoted = function("a", "returns int as $$ select s.b() $$; -- as s.b does")
        tagged = function("b", "returns int as $x$ select s.a(), '$$' $x$;")
        assert quoted.needs == tagged.needs == frozenset()

    def test_a_circle_is_an_error(self) -> None:
        files = [function("a", "return s.b();"), function("b", "return s.a();")]
        with pytest.raises(InvariantViolated, match=r"s\.a -> s\.b|s\.b -> s\.a"):
            in_order(files)

    def test_two_files_of_one_function_are_an_error(self) -> None:
        with pytest.raises(InvariantViolated, match=r"two files are about s\.a"):
            in_order([function("a"), function("b"), function("a")])

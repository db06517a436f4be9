"""The reader and runner of guides: what a guide may promise, and that a broken promise is seen."""

from pathlib import Path

import pytest

from tests.support.guide import keeps, read_blocks, run_blocks

GUIDE = """
Words.

```sh
echo one; echo "two 7"
```

```text
one
two …
```

Not run:

```sh not-run
exit 1
```

```ini
[Unit]
```

```sh
printf ''
```

It prints nothing. More words.

```sh
printf 'no end of line'
```
"""


def test_blocks_come_with_their_promises() -> None:
    blocks = read_blocks(GUIDE)
    assert [(block.is_run, block.promised) for block in blocks] == [
        (True, "one\ntwo …\n"),
        (False, None),
        (True, ""),
        (True, None),
    ]


def test_what_they_print_is_kept_apart(tmp_path: Path) -> None:
    blocks = [block for block in read_blocks(GUIDE) if block.is_run]
    printed = run_blocks(
        blocks, environment={"PATH": "/usr/bin:/bin"}, folder=tmp_path, timeout_s=30
    )
    assert printed == ["one\ntwo 7\n", "", "no end of line"]


def test_a_failing_block_is_named(tmp_path: Path) -> None:
    blocks = read_blocks("```sh\ntrue\n```\n```sh\necho told; false\n```\n```sh\ntrue\n```\n")
    with pytest.raises(AssertionError, match="echo told; false"):
        run_blocks(blocks, environment={}, folder=tmp_path, timeout_s=30)


@pytest.mark.parametrize(
    ("promised", "printed", "kept"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
        ("", "", True),
        ("", "a\n", False),
        ("…\n", "", True),
        ("…\nb\n", "a\na\nb\n", True),
        ("…b\n", "a\nb\n", False),
        ("a … c\n", "a b c\n", True),
        ("a.c\n", "abc\n", False),
        ("a\n", "a", True),
    ],
)
def test_a_printed_line_keeps_what_the_guide_promises(
    promised: str, printed: str, kept: bool
) -> None:
    assert keeps(promised, printed) is kept

"""Changes of a statement one place at a time, by kinds: what `changes.py` does for Python.

A condition is dropped, a branch is always or never taken, a bound or a sign is changed, a lock, a
list's member or an assignment is left out, an order is reversed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.mutation.sql_mutant import SqlMutant
from tests.mutation.sql_texts import part_of

_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*)|(?P<text>'(?:[^']|'')*')|(?P<name>\$\d+|\{\w*\}|[A-Za-z_]\w*)
    |(?P<number>\d+(?:\.\d+)?)|(?P<sign>->>|\#>>|->|\#>|<=|>=|<>|\|\||::|:=|&&|\$\$|[^\s\w])""",
    re.VERBOSE,
)
_ENDS = frozenset(
    {
        "where", "group", "having", "order", "limit", "returning", "for", "union", "from", "join",
        "left", "cross", "on", "then", "when", "else", "end", "set", "do", "using", "with", "loop",
        "into", "and", "or", "conflict", "select", "as", "filter",
    }
)  # fmt: skip
"""Words that end a condition or a value that is not in brackets."""
_OTHER_WAY = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+", "least": "greatest",
    "greatest": "least", "min": "max", "max": "min", "sum": "max",
}  # fmt: skip
_CLOCKS = frozenset({"now", "clock_timestamp"})
_LOCKS = (
    "for update skip locked", "for no key update skip locked", "for update", "for no key update",
    "for share", "skip locked",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class _Edit:
    """The tokens from `first` up to and without `last` become `new`."""

    first: int
    last: int
    new: str = ""


def changes_of(text: str) -> list[tuple[str, str]]:
    """Old and new text of each change; the old text stands in `text` exactly once."""
    tokens = _tokens(text)
    found: dict[tuple[str, str], None] = {}
    for edit in _edits(tokens, _body(tokens)):
        found.setdefault(_in_context(text, tokens, edit))
    return [pair for pair in found if pair[0].split() != pair[1].split()]


def _tokens(text: str) -> list[_Token]:
    found, depth = [], 0
    for match in _TOKEN.finditer(text):
        kind, word = str(match.lastgroup), match.group()
        if kind == "comment":
            continue
        depth -= word in {")", "]"}
        found.append(_Token(kind, word if kind == "text" else word.lower(), *match.span(), depth))
        depth += word in {"(", "["}
    return found


def _body(tokens: Sequence[_Token]) -> range:
    """The tokens that are no definition around a function's or a view's body."""
    words = [one.text for one in tokens]
    if not words or words[0] != "create":
        return range(len(tokens))
    if "$$" in words:
        start = words.index("$$")
        return range(start + 1, words.index("$$", start + 1))
    begin = "as" if "view" in words[:4] else "return"
    return range(words.index(begin) + 1, len(tokens))


def _edits(tokens: Sequence[_Token], body: range) -> Iterator[_Edit]:
    for at in body:
        token = tokens[at]
        if token.kind == "name":
            yield from _of_word(tokens, at)
        elif token.kind == "number":
            yield _Edit(at, at + 1, str(int(float(token.text)) + 1))
        elif token.kind == "sign":
            yield from _of_sign(tokens, at)
        elif at and tokens[at - 1].text == "interval":
            longer = re.sub(r"\d+", lambda match: str(int(match.group()) + 1), token.text)
            yield _Edit(at, at + 1, longer)


def _of_word(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    kind = _KINDS.get(tokens[at].text)
    if kind is not None:
        yield from kind(tokens, at)
    for lock in _LOCKS:
        words = lock.split()
        if [one.text for one in tokens[at : at + len(words)]] == words:
            yield _Edit(at, at + len(words))


def _of_aggregate(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if _is_call(tokens, at):
        yield _Edit(at, at + 1, _OTHER_WAY[tokens[at].text])


def _of_sign(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    sign = tokens[at].text
    if sign in {"<", "<=", ">", ">="}:
        if _text_at(tokens, at + 1) in _CLOCKS:
            return  # nothing happens in the same microsecond
        yield _Edit(at, at + 1, _OTHER_WAY[sign])
    elif sign in {"+", "-"}:
        before = tokens[at - 1]
        is_binary = before.text in {")", "]"} or before.kind in {"number", "text"}
        is_binary |= before.kind == "name" and before.text not in _ENDS
        if is_binary or sign == "-":
            yield _Edit(at, at + 1, _OTHER_WAY[sign] if is_binary else "")
    elif sign == ":=" and _statement_start(tokens, at):
        end = _until(tokens, at, ";")
        yield _Edit(at - 1, end, "null")


def _of_junction(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if _is_between(tokens, at):
        return
    yield _Edit(at, _condition_end(tokens, at + 1))
    start = _condition_start(tokens, at)
    if _text_at(tokens, start - 1) not in {"and", "or"}:
        yield _Edit(start, at + 1)


def _of_condition(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if _text_at(tokens, at - 1) == "end":
        return
    end = at + 1
    while _text_at(tokens, end := _condition_end(tokens, end)) in {"and", "or"}:
        end += 1
    is_whole = not any(
        one.text in {"and", "or"} and one.depth == tokens[at].depth for one in tokens[at:end]
    )
    if tokens[at].text not in {"where", "having"}:
        yield _Edit(at + 1, end, "true")
        yield _Edit(at + 1, end, "false")
    elif is_whole:
        yield _Edit(at + 1, end, "true")


def _of_coalesce(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    parts = _parts(tokens, at + 2) if _is_call(tokens, at) else []
    if len(parts) == 2:
        for first, last in parts:
            yield _Edit(at, parts[1][1] + 1, f"\0{first}:{last}")


def _of_list(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if _text_at(tokens, at + 1) == "(" and tokens[at + 2].kind != "name":
        yield from _of_members(tokens, at + 2)


def _of_assignments(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if at and _text_at(tokens, at - 1) != "$$":
        yield from _of_members(tokens, at + 1)


def _of_members(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    """Each member of a list is left out, if it has others."""
    parts = _parts(tokens, at)
    for place, (first, last) in enumerate(parts):
        if len(parts) > 1:
            yield _Edit(first, last + 1) if place == 0 else _Edit(first - 1, last)


def _of_order(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if _text_at(tokens, at + 1) != "by":
        return
    last = _parts(tokens, at + 2)[0][1]
    if _text_at(tokens, last - 1) == "desc":
        yield _Edit(last - 1, last)
    else:
        yield _Edit(last - 1, last, f"\0{last - 1}:{last} desc")


def _of_statement(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if tokens[at].text == "left" and _text_at(tokens, at + 1) == "join":
        yield _Edit(at, at + 1)
    elif tokens[at].text == "perform" and _statement_start(tokens, at + 1):
        yield _Edit(at, _until(tokens, at, ";"), "null")


def _of_null(tokens: Sequence[_Token], at: int) -> Iterator[_Edit]:
    if _text_at(tokens, at + 1) == "null":
        yield _Edit(at, at + 1, "is not")
    elif [_text_at(tokens, at + n) for n in (1, 2)] == ["not", "null"]:
        yield _Edit(at + 1, at + 2)


_KINDS: Mapping[str, Callable[[Sequence[_Token], int], Iterator[_Edit]]] = {
    **dict.fromkeys(("and", "or"), _of_junction),
    **dict.fromkeys(("where", "when", "if", "elsif", "having"), _of_condition),
    **dict.fromkeys(("least", "greatest", "min", "max", "sum"), _of_aggregate),
    **dict.fromkeys(("perform", "left"), _of_statement),
    "coalesce": _of_coalesce,
    "in": _of_list,
    "set": _of_assignments,
    "order": _of_order,
    "is": _of_null,
}


def _parts(tokens: Sequence[_Token], at: int) -> list[tuple[int, int]]:
    """The members, first token and the one after the last, of a list that begins here."""
    depth, commas = tokens[at].depth, [at - 1]
    end = at
    while end < len(tokens) and not _is_end(tokens, end, depth, {"and", "or", "as"}):
        if tokens[end].text == "," and tokens[end].depth == depth:
            commas.append(end)
        end += 1
    return [(first + 1, last) for first, last in pairwise([*commas, end])]


def _condition_end(tokens: Sequence[_Token], at: int) -> int:
    depth, end, cases = tokens[at].depth if at < len(tokens) else 0, at, 0
    while end < len(tokens):
        word = tokens[end].text
        if tokens[end].depth == depth and word == "case":
            cases += 1
        elif cases and word == "end" and tokens[end].depth == depth:
            cases -= 1
        elif not cases and (
            (word == "," and tokens[end].depth == depth)
            or (_is_end(tokens, end, depth, set()) and not _is_between(tokens, end))
        ):
            break
        end += 1
    return end


def _condition_start(tokens: Sequence[_Token], at: int) -> int:
    depth, start = tokens[at].depth, at
    while start and tokens[start - 1].depth >= depth:
        word = tokens[start - 1].text
        if tokens[start - 1].depth == depth and (
            word in (_ENDS - {"end"}) | {"if", "elsif", "return"}
            and not _is_between(tokens, start - 1)
        ):
            break
        start -= 1
    return start


def _is_end(tokens: Sequence[_Token], at: int, depth: int, but: set[str]) -> bool:
    token = tokens[at]
    if token.depth < depth or token.text in {";", "$$"}:
        return True
    if token.depth > depth or token.kind != "name" or token.text in but:
        return False
    is_distinct = token.text == "from" and _text_at(tokens, at - 1) == "distinct"
    return token.text in _ENDS and not is_distinct


def _is_between(tokens: Sequence[_Token], at: int) -> bool:
    """True for the `and` that belongs to `between`."""
    if tokens[at].text != "and":
        return False
    depth = tokens[at].depth
    for token in reversed(tokens[:at]):
        if token.depth < depth or (token.depth == depth and token.text in {"and", "or", "where"}):
            return False
        if token.depth == depth and token.text == "between":
            return True
    return False


def _is_call(tokens: Sequence[_Token], at: int) -> bool:
    return _text_at(tokens, at + 1) == "("


def _statement_start(tokens: Sequence[_Token], at: int) -> bool:
    """True if the statement whose second token is here follows another one."""
    return _text_at(tokens, at - 2) in {";", "begin", "then", "else", "loop"}


def _until(tokens: Sequence[_Token], at: int, text: str) -> int:
    while at < len(tokens) and tokens[at].text != text:
        at += 1
    return at


def _text_at(tokens: Sequence[_Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""


def _in_context(text: str, tokens: Sequence[_Token], edit: _Edit) -> tuple[str, str]:
    """Old and new text, with as many tokens around as make the old text stand there once."""
    start, end = tokens[edit.first].start, tokens[edit.last - 1].end
    new = edit.new
    if new.startswith("\0"):
        kept, _, rest = new[1:].partition(" ")
        first, last = (int(one) for one in kept.split(":"))
        new = " ".join(filter(None, [text[tokens[first].start : tokens[last - 1].end], rest]))
    before, after = edit.first, edit.last - 1
    old_start, old_end = start, end
    while text.count(text[old_start:old_end]) != 1:
        before, after = max(0, before - 1), min(len(tokens) - 1, after + 1)
        old_start, old_end = tokens[before].start, tokens[after].end
    return text[old_start:old_end], text[old_start:start] + new + text[end:old_end]


def every(where: str, *tests: str) -> list[SqlMutant]:
    """Every change of a place by these kinds."""
    pairs = changes_of(part_of(where))
    return [SqlMutant(where, old, new, tests, is_generated=True) for old, new in pairs]

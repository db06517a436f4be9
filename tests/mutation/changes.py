"""Every single change of a module that the tests should notice. Pure, over `ast`."""

import ast
import copy
import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}  # fmt: skip
_WORD = re.compile(r"[\w.:/+-]+")
_WORDS = re.compile(r"[A-Za-z]{3}( [A-Za-z]{3})+ ?")
_SHOWN_MAX = 100
_LOGS = frozenset(("log", "logger", "_log"))
_FOR_CRASHES = "failpoint"
"""Where a test of crashes stops a process: `make chaos-points` holds each of them."""
_FOR_TYPES = "TypeVar"
"""Only the type checker reads what is said of it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module."""

    module: str
    scope: str
    """The class and function around it, "" at the top of the module."""
    line: int
    before: str
    after: str
    tree: ast.Module = dataclasses.field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """What the list of equivalents calls it; lines may move, so they are no part of it."""
        return f"{self.module} | {self.scope} | {self.before} | {self.after}"


def mutants_of(module: str, source: str) -> list[Mutant]:
    """All single changes of a module, in the order of its lines; same names get a number."""
    tree = ast.parse(source)
    found: list[Mutant] = []
    seen: dict[str, int] = {}
    for place in _places(tree):
        for change in _changes(place.node):
            mutant = _mutant(module, tree, place, change)
            count = seen[mutant.name] = seen.get(mutant.name, 0) + 1
            if count > 1:
                after = f"{mutant.after} #{count}"
                mutant = Mutant(
                    module, mutant.scope, mutant.line, mutant.before, after, mutant.tree
                )
            found.append(mutant)
    return sorted(found, key=lambda mutant: mutant.line)


@dataclass(frozen=True, slots=True)
class _Step:
    field: str
    place: int | None


@dataclass(frozen=True, slots=True)
class _Place:
    """A node that may change: how to reach it from the module, and what stands around it."""

    node: ast.AST
    path: tuple[_Step, ...]
    shown: ast.AST
    """The largest part around it, within its statement, that fits a line."""
    scope: str


def _places(tree: ast.Module) -> Iterator[_Place]:
    yield from _walk(tree, (), tree, "")


def _walk(node: ast.AST, path: tuple[_Step, ...], shown: ast.AST, scope: str) -> Iterator[_Place]:
    for field, place, child in _children(node):
        if _is_left_alone(node, field, child) or _is_a_tables_word(node, field, child):
            continue
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}.{child.name}".lstrip(".")
        seen = child if _begins(node, shown) else shown
        here = (*path, _Step(field, place))
        yield _Place(child, here, seen, inner)
        yield from _walk(child, here, seen, inner)


def _begins(parent: ast.AST, shown: ast.AST) -> bool:
    """True when what is below the parent is shown by itself: the parent is too long a text."""
    return shown is parent and (isinstance(parent, ast.Module) or len(_text(parent)) > _SHOWN_MAX)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from (
                (field, place, child)
                for place, child in enumerate(value)
                if isinstance(child, ast.AST)
            )


def _is_left_alone(parent: ast.AST, field: str, child: ast.AST) -> bool:
    """Annotations, types, decorators, imports, doc strings, log lines, fail points, sentences."""
    if field in ("annotation", "returns", "decorator_list", "type_params"):
        return True
    if isinstance(child, ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal):
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True
    if isinstance(child, ast.Assign) and _names(child) & {"__all__"}:
        return True
    if isinstance(parent, ast.Subscript) and _text(parent.value) in ("Literal", "Annotated"):
        return True  # a type
    if isinstance(child, ast.JoinedStr) and _is_a_sentence(child):
        return True
    call = child.value if isinstance(child, ast.Expr) else child
    return isinstance(call, ast.Call) and (
        _called_on(call) in _LOGS or _text(call.func) in (_FOR_CRASHES, _FOR_TYPES)
    )


def _is_a_sentence(text: ast.JoinedStr) -> bool:
    """True for words for people: an error, a message."""
    return any(
        isinstance(part, ast.Constant) and " " in str(part.value).strip() for part in text.values
    )


def _is_a_tables_word(parent: ast.AST, field: str, child: ast.AST) -> bool:
    """A word in a table: leaving it out says the same as misspelling it."""
    is_word = isinstance(child, ast.Constant) and isinstance(child.value, str)
    if isinstance(parent, ast.Set | ast.List | ast.Tuple) and len(parent.elts) > 1:
        return is_word and all(_is_plain(member) for member in parent.elts)
    return is_word and isinstance(parent, ast.Dict) and field == "keys"


def _turns_by_itself(test: ast.expr) -> bool:
    """A condition whose own change turns it round already."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return not isinstance(test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _names(assign: ast.Assign) -> set[str]:
    return {target.id for target in assign.targets if isinstance(target, ast.Name)}


def _called_on(call: ast.Call) -> str:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return owner.id if isinstance(owner, ast.Name) else ""


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """The node, changed in each way."""
    yield from _changed_expressions(node)
    yield from _changed_statements(node)


def _changed_expressions(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[operator, *_]):
            yield _with(node, ops=[_COMPARISONS[type(operator)](), *node.ops[1:]])
            yield from _last_comparison(node)
        case ast.BinOp() if type(node.op) in _OPERATORS and not _joins_text(node):
            yield _with(node, op=_OPERATORS[type(node.op)]())
        case ast.BoolOp():
            yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant():
            yield from _constants(node)
        case ast.Dict() | ast.Set() | ast.Tuple() | ast.List():
            yield from _without_a_member(node)
        case ast.Call():
            yield from _without_an_argument(node)


def _changed_statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If() | ast.IfExp() | ast.While() if not _turns_by_itself(node.test):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield _with(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise():
            yield ast.Pass()
        case ast.AugAssign() if type(node.op) in _OPERATORS:
            yield _with(node, op=_OPERATORS[type(node.op)]())
            yield ast.Pass()


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _last_comparison(node: ast.Compare) -> Iterator[ast.AST]:
    if len(node.ops) > 1:
        yield _with(node, ops=[*node.ops[:-1], _COMPARISONS[type(node.ops[-1])]()])


def _joins_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(side, ast.JoinedStr) for side in sides) or any(
        isinstance(side, ast.Constant) and isinstance(side.value, str | bytes) for side in sides
    )


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and _WORDS.fullmatch(value):
        words = value.split()
        for left_out in range(len(words)):
            yield ast.Constant(" ".join(words[:left_out] + words[left_out + 1 :]) + " ")
    elif isinstance(value, str) and _WORD.fullmatch(value):
        yield ast.Constant(value + "X")
    elif isinstance(value, bytes) and value:
        yield ast.Constant(value + b"X")


def _without_a_member(node: ast.Dict | ast.Set | ast.Tuple | ast.List) -> Iterator[ast.AST]:
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Store | ast.Del):
        return
    if isinstance(node, ast.Dict):
        for place in range(len(node.keys)):
            keys = node.keys[:place] + node.keys[place + 1 :]
            yield _with(node, keys=keys, values=node.values[:place] + node.values[place + 1 :])
        return
    if len(node.elts) < 2 or not all(_is_plain(member) for member in node.elts):
        return
    for place in range(len(node.elts)):
        yield _with(node, elts=node.elts[:place] + node.elts[place + 1 :])


def _is_plain(member: ast.expr) -> bool:
    """A constant, or a name of one: the member of a table and not a pair of results."""
    return isinstance(member, ast.Constant) or (
        isinstance(member, ast.Name | ast.Attribute) and _text(member).split(".")[-1].isupper()
    )


def _without_an_argument(node: ast.Call) -> Iterator[ast.AST]:
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield _with(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])


def _text(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except (AttributeError, ValueError):
        return type(node).__name__


def _mutant(module: str, tree: ast.Module, place: _Place, change: ast.AST) -> Mutant:
    """The module with the change in it; everything off the way to it is shared."""
    located = ast.copy_location(change, place.node)
    changed = _replaced(tree, place.path, located)
    ast.fix_missing_locations(changed)
    assert isinstance(changed, ast.Module)
    depth = _depth_of(tree, place)
    before, after = _text(place.shown), _text(_at(changed, place.path[:depth]))
    first, second = _first_difference(before, after)
    line = getattr(place.node, "lineno", 0)
    return Mutant(module, place.scope, line, first, second, changed)


def _depth_of(tree: ast.Module, place: _Place) -> int:
    node: ast.AST = tree
    for depth, step in enumerate(place.path):
        node = _child(node, step)
        if node is place.shown:
            return depth + 1
    return len(place.path)


def _child(node: ast.AST, step: _Step) -> ast.AST:
    value = getattr(node, step.field)
    found: ast.AST = value if step.place is None else value[step.place]
    return found


def _at(node: ast.AST, path: tuple[_Step, ...]) -> ast.AST:
    for step in path:
        node = _child(node, step)
    return node


def _replaced(node: ast.AST, path: tuple[_Step, ...], change: ast.AST) -> ast.AST:
    if not path:
        return change
    step, below = path[0], path[1:]
    changed = copy.copy(node)
    if step.place is None:
        setattr(changed, step.field, _replaced(getattr(node, step.field), below, change))
    else:
        members = list(getattr(node, step.field))
        members[step.place] = _replaced(members[step.place], below, change)
        setattr(changed, step.field, members)
    return changed


def _first_difference(before: str, after: str) -> tuple[str, str]:
    """Two texts cut to the lines that differ, each at most a line of the report long."""
    old, new = before.splitlines(), after.splitlines()
    pairs = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
    first, second = pairs[0] if pairs else (before, after)
    start = next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )
    start = max(0, start - 40)
    return first[start:].strip()[:_SHOWN_MAX], second[start:].strip()[:_SHOWN_MAX]

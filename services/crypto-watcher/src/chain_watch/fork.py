"""Where does another branch leave our chain? The same for every chain."""

from collections.abc import Awaitable, Callable

from cift_shared.errors import CiftError

HashAt = Callable[[int], Awaitable[str | None]]


class ReorgTooDeep(CiftError):
    """The branches have no block in common within the limit; an operator must look."""


async def common_height(ours: HashAt, theirs: HashAt, *, top: int, depth_max: int) -> int:
    """The height of the highest block that both branches have, at or below `top`.

    Args:
        ours: our block at a height; None: not stored.
        theirs: the other branch's block at a height.
        top: the height to begin at.
        depth_max: how many blocks may differ.

    Raises:
        ReorgTooDeep: more of them differ.
    """
    for height in range(top, max(top - depth_max - 1, -1), -1):
        stored = await ours(height)
        if stored is None:
            break
        if stored == await theirs(height):
            return height
    raise ReorgTooDeep(f"no block in common within {depth_max} below {top}")

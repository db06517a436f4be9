"""When an unconfirmed transaction may replace others: full replace-by-fee, as in Bitcoin Core 30.

The signal of BIP 125 is not required. Source: Bitcoin Core's doc/policy/mempool-replacements.md.
"""

from typing import TYPE_CHECKING

from provider_sandbox.bitcoin import policy
from provider_sandbox.bitcoin.policy import Rejected

if TYPE_CHECKING:
    from provider_sandbox.bitcoin.mempool import Mempool, Pooled


def check_replacement(pool: "Mempool", new: "Pooled") -> None:
    """Check a transaction against those that spend the same outputs, if there are any.

    Raises:
        Rejected: it may not replace them.
    """
    conflicts = pool.conflicts(new.transaction)
    if not conflicts:
        return
    txid = new.transaction.id
    both = pool.ancestors(new.transaction) & set(conflicts)
    if both:
        raise Rejected(
            "bad-txns-spends-conflicting-tx", f"{txid} spends conflicting transaction {min(both)}"
        )
    _check_rate(pool, new, conflicts)
    removed = dict.fromkeys(one for conflict in conflicts for one in pool.descendants(conflict))
    if len(removed) > policy.REPLACED_LIMIT:
        count = f"too many potential replacements ({len(removed)} > {policy.REPLACED_LIMIT})"
        raise Rejected("too many potential replacements", f"rejecting replacement {txid}; {count}")
    _check_unconfirmed(pool, new, conflicts)
    _check_fee(pool, new, sum(pool.pooled[one].fee for one in removed))


def _check_rate(pool: "Mempool", new: "Pooled", conflicts: list[str]) -> None:
    rate = policy.rate_of(new.fee, new.size)
    for conflict in conflicts:
        old = pool.pooled[conflict]
        old_rate = policy.rate_of(old.fee, old.size)
        if rate <= old_rate:
            texts = policy.rate_text(rate), policy.rate_text(old_rate)
            raise _insufficient(new, "; new feerate {} <= old feerate {}".format(*texts))


def _check_unconfirmed(pool: "Mempool", new: "Pooled", conflicts: list[str]) -> None:
    """Its unconfirmed parents must be parents of what it replaces."""
    old = {parent for one in conflicts for parent in pool.parents(pool.pooled[one].transaction)}
    for number, one in enumerate(new.transaction.inputs):
        if one.outpoint[0] in pool.pooled and one.outpoint[0] not in old:
            raise Rejected(
                "replacement-adds-unconfirmed",
                f"replacement {new.transaction.id} adds unconfirmed input, idx {number}",
            )


def _check_fee(pool: "Mempool", new: "Pooled", replaced: int) -> None:
    if new.fee < replaced:
        texts = policy.money_text(new.fee), policy.money_text(replaced)
        raise _insufficient(new, ", less fees than conflicting txs; {} < {}".format(*texts))
    added, least = new.fee - replaced, policy.fee_at(pool.fees.incremental, new.size)
    if added < least:
        texts = policy.money_text(added), policy.money_text(least)
        raise _insufficient(new, ", not enough additional fees to relay; {} < {}".format(*texts))


def _insufficient(new: "Pooled", why: str) -> Rejected:
    return Rejected("insufficient fee", f"rejecting replacement {new.transaction.id}{why}")

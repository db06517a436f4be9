-- A result may say what may be shown of the instrument of any rail, not of cards alone.

alter type ledger.told rename attribute card to public;
alter type ledger.verdict rename attribute card to public;

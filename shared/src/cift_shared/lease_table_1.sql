-- Leases of this schema, in the schema the search_path names: who leads what, who bears which name.

create table lease (
    name    text primary key,          -- 'relay', 'instance:<service>-<instance>', 'token:<app>'
    holder  text,                      -- one run of one process; null: released
    epoch   bigint not null,           -- grows with every holder: fences the statements of a late one
    ends_at timestamptz not null,      -- by the clock of this server; past: free for anybody
    process text                       -- which process of which machine, where that can be said
) with (fillfactor = 50);

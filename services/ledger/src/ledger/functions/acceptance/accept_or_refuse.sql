-- revision: 1 e3a18e8d2c5ccaa4
-- Accept a payment (`accept_payment`), a refund (`accept_refund`) or a conversion (`convert`).
-- Answers {"terms": what that function answers} or, when it refuses with an SQLSTATE of class CF that
-- is a key of `p_refusals`, {"refused": that SQLSTATE}. A refusal undoes whatever the function has
-- written before it. Every other error is raised unchanged.
--
-- One exception block for every refusal: a function may refuse at any depth, and a new SQLSTATE
-- needs no change here.
create or replace function ledger.accept_or_refuse(p_function text, p jsonb, p_refusals jsonb) returns jsonb
language plpgsql
as $$
declare
    terms jsonb;
begin
    case p_function
        when 'accept_payment' then perform ledger.accept_payment(p);
        when 'accept_refund' then terms := ledger.accept_refund(p);
        when 'convert' then terms := ledger.convert(p);
    end case;
    return jsonb_build_object('terms', coalesce(terms, '{}'));
exception
    when sqlstate 'CF000' then  -- the whole class
        if not p_refusals ? sqlstate then
            raise;
        end if;
        return jsonb_build_object('refused', sqlstate);
end
$$;

grant execute on function ledger.accept_or_refuse(text, jsonb, jsonb) to cift_gateway;

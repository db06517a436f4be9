-- revision: 2 3bb98178020a2746
-- Accept a payment (`accept_payment`), a refund (`accept_refund`) or a conversion (`convert`).
-- Returns {"terms": the result of that function}. If the function refuses with an SQLSTATE of class
-- CF that is a key of `p_refusals`, returns {"refused": that SQLSTATE}, and everything the function
-- has written before is rolled back. Every other error is raised unchanged.
--
-- One exception block handles every refusal: a function may refuse at any call depth, and a new
-- SQLSTATE needs no change here.
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
    when sqlstate 'CF000' then  -- matches every SQLSTATE of class CF
        if not p_refusals ? sqlstate then
            raise;
        end if;
        return jsonb_build_object('refused', sqlstate);
end
$$;

grant execute on function ledger.accept_or_refuse(text, jsonb, jsonb) to cift_gateway;

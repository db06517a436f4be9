-- A notice that was set aside for its source may come again from a listed one: then it counts.
grant update on gateway.inbox to cift_gateway;

"""What each address does; the rules live beside, the SQL in `gateway.store`."""

"""Every refusal that the API can return, as RFC 9457 problem documents."""

"""Exchange a customer's money from one currency to another."""

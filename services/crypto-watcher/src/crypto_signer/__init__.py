"""The process that holds the Bitcoin wallet's keys and signs withdrawals; nobody can call it."""
